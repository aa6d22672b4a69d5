/**
 * `make dev`: the service, started anew whenever a change has compiled; what does not compile leaves the last one
 * running. Arguments go to its Node, such as `--inspect`. Ctrl-C, SIGTERM and the end of the terminal end both the
 * compiler and the service, a second Ctrl-C forces it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

/** TypeScript 6: the watcher of 7.0 overlooks changes. */
const COMPILER = ['node_modules/typescript/bin/tsc6', '-p', 'tsconfig.build.json'];
/** The compiler's own modules of the chassis: no bundle is made here. */
const CONDITION = '--conditions=modules';
/** A signal comes twice, from the terminal and from npm, when npm started this. */
const SAME_SIGNAL_MS = 500;

const compiler = spawn(
  process.execPath,
  [...COMPILER, '--watch', '--preserveWatchOutput', '--pretty', String(process.stdout.isTTY ?? false)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let service: ChildProcess | undefined;
let isStale = false;
let endedAt: number | undefined;

createInterface({ input: compiler.stdout }).on('line', (line) => {
  process.stdout.write(`${line}\n`);
  if (stripVTControlCharacters(line).includes('Found 0 errors.')) restart();
});
compiler.on('exit', () => {
  // By itself it ends for a fault only, which it has told.
  if (endedAt === undefined) process.exitCode = 1;
  end('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal));

function restart(): void {
  if (endedAt !== undefined || isStale) return;
  if (!service) return start();
  isStale = true;
  service.kill('SIGTERM');
}

/** In a session of its own: which signals it gets, and how often, is decided here. */
function start(): void {
  const NODE_OPTIONS = `${process.env['NODE_OPTIONS'] ?? ''} ${CONDITION}`;
  const parameters = ['--enable-source-maps', ...process.argv.slice(2), 'dist/main.js'];
  service = spawn(process.execPath, parameters, {
    env: { ...process.env, NODE_OPTIONS },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  service.on('exit', (code, signal) => {
    service = undefined;
    if (endedAt !== undefined) process.exitCode ??= code ?? 1;
    else if (isStale) start();
    else
      process.stdout.write(
        `The service ended with ${code ?? signal}; it starts again after the next change.\n`,
      );
    isStale = false;
  });
}

function end(signal: NodeJS.Signals): void {
  if (endedAt !== undefined && Date.now() - endedAt < SAME_SIGNAL_MS) return;
  endedAt = Date.now();
  compiler.kill();
  service?.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
}
