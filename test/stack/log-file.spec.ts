import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildOnce, PROJECT } from '../support/build.js';
import { eventually } from '../support/index.js';
import { textOf, yamlOf } from './stack-files.js';

const PROGRAM = join(PROJECT, 'docker/log-shipper/with-log-file.ts');
const run = promisify(execFile);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-file-'));
  file = join(folder, 'service.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('with-log-file', () => {
  test('writes every line to standard output and to the file, and ends with the code of the command', async () => {
    const script = 'for (let n = 0; n < 1000; n++) console.log("line " + n); process.exitCode = 3';
    const ended = await run('node', [PROGRAM, file, 'node', '-e', script]).catch((error: unknown) => error);
    const expected = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join('');
    expect(ended).toMatchObject({ code: 3, stdout: expected });
    expect(readFileSync(file, 'utf8')).toBe(expected);
  });

  test('begins a new file when one is full, with whole lines in both and two at most', async () => {
    const script = `process.stdout.write('x'.repeat(90)); setTimeout(() => process.stdout.write('y\\n' + 'z'.repeat(150) + '\\n'), 300);
      setTimeout(() => console.log('last'), 600)`;
    await run('node', [PROGRAM, file, 'node', '-e', script], {
      env: { ...process.env, LOG_FILE_MAX_BYTES: '80' },
    });
    expect(readFileSync(`${file}.1`, 'utf8')).toBe(`${'z'.repeat(150)}\n`);
    expect(readFileSync(file, 'utf8')).toBe('last\n');
  });

  test('goes on when the file cannot be written, and says so once', async () => {
    const script = 'console.log("one"); setTimeout(() => console.log("two"), 300)';
    mkdirSync(file);
    const { stdout, stderr } = await run('node', [PROGRAM, file, 'node', '-e', script]);
    expect(stdout).toBe('one\ntwo\n');
    expect(stderr.match(/cannot be written, standard output goes on: EISDIR/g)).toHaveLength(1);
  });

  test('says what a command is that does not exist', async () => {
    const ended = await run('node', [PROGRAM, file, 'no-such-program']).catch((error: unknown) => error);
    expect(ended).toMatchObject({
      code: 127,
      stderr: expect.stringContaining('no-such-program cannot be started'),
    });
    expect(await run('node', [PROGRAM]).catch((error: unknown) => error)).toMatchObject({ code: 2 });
  });
});

test(
  'the service under it ends cleanly on SIGTERM; its lines have what the log shipper reads',
  { timeout: 180_000 },
  async () => {
    await buildOnce();
    const service = join(PROJECT, 'test/process/fixtures/echo-service.ts');
    const ports = {
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      MANAGEMENT_PORT: '0',
      AUDIT_SINK: 'none',
    };
    const child = spawn('node', [PROGRAM, file, 'node', service], {
      env: { PATH: process.env['PATH'], LOG_FORMAT: 'json', SHUTDOWN_PROPAGATION_MS: '0', ...ports },
      cwd: PROJECT,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const lines = () =>
      (existsSync(file) ? readFileSync(file, 'utf8') : '')
        .split('\n')
        .slice(0, -1)
        .map((text) => JSON.parse(text) as Record<string, unknown>);
    const lineOf = (msg: string) => lines().find((line) => line['msg'] === msg);
    await eventually('the service is ready', () => lineOf('service ready') !== undefined, 30_000);
    await fetch(`http://${String(lineOf('service ready')?.['http'])}/echo/word`);
    await eventually('the call has its line', () => lineOf('call') !== undefined, 20_000);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);

    const call = lineOf('call') ?? {};
    const read = [...textOf('docker/log-shipper/log-shipper.yaml').matchAll(/attributes\.(\w+)/g)].map(
      ([, name]) => name,
    );
    for (const name of new Set([...read, 'request_id'])) expect(call, name).toHaveProperty(String(name));
    const {
      datasources,
    }: {
      datasources: { jsonData: { derivedFields?: { matcherRegex: string }[] } }[];
    } = yamlOf('docker/grafana/provisioning/datasources/datasources.yaml');
    const [field] = datasources.flatMap(({ jsonData }) => jsonData.derivedFields ?? []);
    const text =
      readFileSync(file, 'utf8')
        .split('\n')
        .find((line) => line.includes('"msg":"call"')) ?? '';
    expect(new RegExp(field?.matcherRegex ?? '').exec(text)?.[1]).toBe(call['trace_id']);
  },
);
