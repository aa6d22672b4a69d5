import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { buildOnce, PROJECT } from '../support/build.js';
import { CLEAN_ENVIRONMENT } from '../support/clean-environment.js';
import { eventually } from '../support/eventually.js';
import { freePorts } from '../support/free-ports.js';
import { HttpTestClient } from '../support/http-test-client.js';
import { createDatabase } from '../support/postgres.js';
import { SERVICE_NAME } from '../support/service-name.js';

type Line = Readonly<Record<string, unknown>>;

const SCRIPT = join(import.meta.dirname, 'fixtures/flood-service.ts');
/** The fixture starts within this time, also on a busy machine. */
const START_MS = 50_000;
const MIB = 1024 * 1024;

let env: Record<string, string>;
let folder: string;
beforeAll(async () => {
  await buildOnce();
  folder = mkdtempSync(join(tmpdir(), 'log-output-'));
  env = {
    ...CLEAN_ENVIRONMENT,
    DATABASE_URL: await createDatabase(inject('postgresUrl')),
    APP_ENV: 'test',
    LOG_LEVEL: 'info',
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    MANAGEMENT_PORT: '0',
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Where standard output goes, read when a test says so. */
interface Sink {
  /** For `spawn`. */
  readonly stdout: number | 'pipe';
  /** The reader, once the child runs. */
  readonly open: (child: ChildProcess) => Readable;
}
let pipes = 0;

interface NamedSink {
  readonly name: string;
  readonly make: () => Sink;
}

const PIPE: NamedSink = {
  name: 'a pipe',
  make: () => {
    const path = join(folder, `pipe-${++pipes}`);
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdout = openSync(path, constants.O_WRONLY);
    const open = (): Readable => {
      closeSync(stdout);
      return new Socket({ fd: reader, writable: false });
    };
    return { stdout, open };
  },
};

/** What Node, systemd and process managers give their children. */
const SOCKET: NamedSink = {
  name: 'a socket',
  make: () => ({ stdout: 'pipe', open: ({ stdout }) => stdout as Readable }),
};

/** The fixture as a process whose log is read line by line, with pauses. */
class Flood {
  readonly lines: Line[] = [];
  stderr = '';
  readonly exit: Promise<number | null>;
  readonly reader: Readable;
  readonly #child: ChildProcess;

  constructor(sink: Sink) {
    this.#child = spawn(process.execPath, [SCRIPT], {
      env,
      cwd: PROJECT,
      stdio: ['ignore', sink.stdout, 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exit = once(this.#child, 'exit').then(([code]) => code as number | null);
    this.reader = sink.open(this.#child);
    let rest = '';
    this.reader.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts.map((text) => JSON.parse(text) as Line));
    });
  }

  async ready(): Promise<this> {
    await eventually(`ready; ${this.stderr}`, () => this.find('service ready') !== undefined, START_MS);
    return this;
  }

  find(msg: string): Line | undefined {
    return this.lines.find((line) => line['msg'] === msg);
  }

  client(port: 'http' | 'management'): HttpTestClient {
    return new HttpTestClient(String(this.find('service ready')?.[port]));
  }

  /** Lines of the flood that were read, by number. */
  get indexes(): number[] {
    return this.lines.filter(({ msg }) => msg === 'flood').map(({ index }) => Number(index));
  }

  async dropped(): Promise<number> {
    const { body } = await this.client('management').get('/metrics');
    return Number(/^log_lines_dropped_total (\d+)/m.exec(String(body))?.[1]);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exit;
    this.reader.destroy();
  }
}

const ascending = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > Number(numbers[index - 1]));

interface Ending {
  readonly how: string;
  readonly code: number;
  /** The line of a crash. */
  readonly says?: string;
  readonly message?: string;
}
const THROW: Ending = { how: 'throw', code: 1, says: 'uncaught exception', message: 'nobody caught this' };

async function expectLastLines(sink: Sink, { how, code, says, message }: Ending): Promise<void> {
  await using flood = await new Flood(sink).ready();
  await flood
    .client('http')
    .get(`/end/${how}`)
    .catch((error: unknown) => expect(how, String(error)).toBe('exit'));
  expect(await flood.exit).toBe(code);
  await eventually('the last words', () => flood.find(says ? 'shut down' : 'last words') !== undefined);
  expect(flood.find('last words')).toBeDefined();
  const crashes = flood.lines.filter(({ level }) => level === 'fatal');
  expect(crashes).toHaveLength(says ? 1 : 0);
  if (says)
    expect(crashes[0]).toMatchObject({
      msg: says,
      service: SERVICE_NAME,
      err: { message, stack: expect.any(String) },
    });
  expect(flood.stderr).toBe('');
}

describe.each([PIPE, SOCKET])('to $name', ({ make }) => {
  test('a reader that stops holds up neither calls nor the end; what finds no place is dropped and counted', async () => {
    await using flood = await new Flood(make()).ready();
    flood.reader.pause();
    const [http, management] = [flood.client('http'), flood.client('management')];
    const latencies: number[] = [];
    const state = { isFlooding: true };
    const first = http.get('/flood/70000').finally(() => (state.isFlooding = false));
    while (state.isFlooding) {
      const begin = performance.now();
      expect((await management.get('/livez')).status).toBe(200);
      latencies.push(performance.now() - begin);
    }
    const { body } = await first;
    // All of them but a few, which a busy machine may hold up; a write that waits would hold up every one.
    const late = latencies.filter((ms) => ms >= 200);
    expect(late.length).toBeLessThanOrEqual(latencies.length / 20);
    expect(Math.max(...latencies)).toBeLessThan(2000);
    expect(body.rss).toBeLessThan(400 * MIB);
    const dropped = await flood.dropped();
    expect(dropped).toBeGreaterThan(1000);
    flood.reader.resume();
    // What was not dropped comes, in order, and then what is logged from now on; each call has its own line.
    const arrived = (): number =>
      flood.indexes.length + flood.lines.filter(({ msg }) => msg === 'call').length;
    await eventually('the rest is read', () => arrived() === 70_001 - dropped, 15_000);
    expect(ascending(flood.indexes)).toBe(true);
    await http.get('/flood/1');
    await eventually('new lines', () => arrived() === 70_003 - dropped);
    expect(await flood.dropped()).toBe(dropped);

    flood.reader.pause();
    await http.get('/flood/20000');
    const begin = performance.now();
    flood.signal('SIGTERM');
    expect(await flood.exit).toBe(0);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  test('a reader that goes away ends nothing', async () => {
    await using flood = await new Flood(make()).ready();
    const http = flood.client('http');
    const management = flood.client('management');
    const dropped = async (): Promise<number> => {
      const { body } = await management.get('/metrics');
      return Number(/^log_lines_dropped_total (\d+)/m.exec(String(body))?.[1]);
    };
    flood.reader.destroy();
    await once(flood.reader, 'close');
    expect((await http.get('/flood/5000')).status).toBe(200);
    await eventually('they are counted', async () => (await dropped()) >= 5000);
    expect((await http.get('/flood/1')).status).toBe(200);
    flood.signal('SIGTERM');
    expect(await flood.exit).toBe(0);
    expect(flood.stderr).toBe('');
  });

  test.each([{ how: 'exit', code: 7 }, THROW])('the last lines are there after $how', (ending) =>
    expectLastLines(make(), ending),
  );

  test('50,000 lines and the end at once arrive complete and in order', async () => {
    await using flood = await new Flood(make()).ready();
    await flood.client('http').get('/flood/50000');
    const dropped = await flood.dropped();
    flood.signal('SIGTERM');
    expect(await flood.exit).toBe(0);
    await eventually('the last line', () => flood.find('shut down') !== undefined);
    expect(flood.indexes.length).toBeGreaterThanOrEqual(50_000 - dropped);
    expect(ascending(flood.indexes)).toBe(true);
  });
});

// Where the log goes is no matter here: they end as what is thrown does.
test.each<Ending>([
  { how: 'reject', code: 1, says: 'unhandled rejection', message: 'nobody awaited this' },
  { how: 'reject-string', code: 1, says: 'unhandled rejection', message: "'just a string'" },
])('the last lines are there after $how', (ending) => expectLastLines(SOCKET.make(), ending));

test('a file gets every line, in order', async () => {
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  const child = spawn(process.execPath, [SCRIPT], { env, cwd: PROJECT, stdio: ['ignore', file, 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  closeSync(file);
  const text = (): string => readFileSync(path, 'utf8');
  await eventually('ready', () => text().includes('service ready'), START_MS);
  const ready = JSON.parse(text().split('\n', 1)[0] ?? '') as Line;
  await new HttpTestClient(String(ready['http'])).get('/flood/30000');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  const lines = text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const indexes = lines.filter(({ msg }) => msg === 'flood').map(({ index }) => index);
  expect(indexes).toEqual(Array.from({ length: 30_000 }, (_, index) => index));
  expect(lines.at(-1)?.['msg']).toBe('shut down');
});

test('readable lines hold up no call of a reader that stops, and one that cannot be made readable is no end of them', async () => {
  const [http, management] = (await freePorts(2)).map(String);
  const child = spawn(process.execPath, [SCRIPT], {
    env: { ...env, LOG_FORMAT: 'pretty', HTTP_PORT: http ?? '', MANAGEMENT_PORT: management ?? '' },
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await eventually('ready', () => text.includes('INFO: service ready'), START_MS);
  const flood = new HttpTestClient(`127.0.0.1:${http}`);

  await flood.get('/end/deep');
  await eventually('the deep line', () => text.includes('"msg":"deep"'));
  await flood.get('/flood/1');
  await eventually('the next line', () => text.includes('INFO: flood'));

  child.stdout.pause();
  expect((await flood.get('/flood/60000')).status).toBe(200);
  const { body } = await new HttpTestClient(`127.0.0.1:${management}`).get('/metrics');
  expect(Number(/^log_lines_dropped_total (\d+)/m.exec(String(body))?.[1])).toBeGreaterThan(1000);
  child.stdout.resume();
  await flood.get('/end/exit').catch(() => undefined);
  await eventually('the last words', () => text.includes('INFO: last words'));
}, 120_000);
