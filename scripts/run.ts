/**
 * `make run`: the built service as it is, and once it is ready, what to try: `scripts/try.txt`, then each
 * feature's own `try.txt`. Signals reach the service, its exit code becomes this script's.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

const READY =
  /service ready[^]*?\bhttp"?: ?"([^"]+)"[^]*?\bgrpc"?: ?"([^"]+)"[^]*?\bmanagement"?: ?"([^"]+)"/;

const service = spawn(process.execPath, ['dist/main.js'], {
  stdio: ['inherit', 'pipe', 'inherit'],
  env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
});

let log = '';
let isReady = false;
service.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  if (isReady) return;
  log += stripVTControlCharacters(chunk.toString());
  const found = READY.exec(log);
  if (!found) return;
  isReady = true;
  const [, http = '', grpc = '', management = ''] = found;
  const texts = ['scripts/try.txt', ...globSync('src/features/*/try.txt')];
  const text = texts.map((file) => readFileSync(file, 'utf8')).join('\n');
  const addresses: Record<string, string> = { http, grpc, management };
  const filled = text.replaceAll(/\{(http|grpc|management)\}/g, (_, name: string) => addresses[name] ?? '');
  process.stdout.write(`${filled}\nCtrl-C ends the service.\n\n`);
});
service.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 0 : 1);
});
// Ctrl-C reaches the service by itself: the terminal signals the whole foreground group.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)
  process.on(signal, () => service.kill(signal));
