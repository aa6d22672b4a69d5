import { execFile, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { service } from '../../src/app.module.js';
import { AuditedProbeModule, readTrail } from '../support/audited-probe.js';
import { buildOnce, PROJECT } from '../support/build.js';
import { eventually, order, TestApp } from '../support/index.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const PROGRAM = join(import.meta.dirname, 'fixtures/audited-service.ts');

// Each starts the service, some twice.
vi.setConfig({ testTimeout: 90_000 });

let directory: string;
/** Of the log of what is started here. */
let lines: Record<string, unknown>[];
beforeEach(() => {
  lines = [];
  directory = mkdtempSync(join(tmpdir(), 'audit-process-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const settings = () => ({
  AUDIT_SINK: 'file',
  AUDIT_DIR: directory,
  AUDIT_RETRY_MS: '50',
  HEALTH_INTERVAL_MS: '50',
});

async function start(): Promise<ServiceProcess & AsyncDisposable> {
  await buildOnce();
  return startProcess({ program: PROGRAM, env: settings() });
}

/** A service in this process, for what needs no end by force. */
async function startHere(config: Record<string, string> = {}) {
  const app = await TestApp.start({
    service: { ...service, module: AuditedProbeModule },
    config: { ...settings(), LOG_LEVEL: 'info', ...config },
    logTo: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  onTestFinished(() => app.stop());
  return Object.assign(app, {
    create: () => app.http.post('/probe', order('echo')),
    isDegraded: async () => (await app.management.get('/readyz')).body.status === 'degraded',
  });
}

/** What the log of a service in this process says, waited for. */
async function line(text: string): Promise<Record<string, unknown>> {
  const find = () => lines.find(({ msg }) => msg === text);
  await eventually(`the log has "${text}"`, () => find() !== undefined);
  return find() ?? {};
}

let notes = 0;
const create = ({ http }: ServiceProcess) => http.post(`/notes/note-${++notes}`);

interface Verified {
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

/** What `npm run audit:verify` runs. */
const verify = (...parameters: string[]): Promise<Verified> =>
  run(process.execPath, [join(PROJECT, 'dist/chassis/audit/verify.command.js'), ...parameters]);

async function run(program: string, parameters: readonly string[]): Promise<Verified> {
  await buildOnce();
  return new Promise((resolve) => {
    execFile(program, parameters, { cwd: PROJECT }, (failure, output, error) =>
      resolve({ code: failure ? Number(failure.code) : 0, output, error }),
    );
  });
}

function onlyFile(): string {
  const name = readdirSync(directory).find((file) => file.endsWith('.jsonl')) ?? '';
  return join(directory, name);
}

test('killed amid its work, nothing that was answered is missing; what is torn is kept aside', async () => {
  await using first = await start();
  await first.ready();
  const answered: string[] = [];
  const callers = Array.from({ length: 20 }, async () => {
    for (;;) answered.push(((await create(first)).body as { id: string }).id);
  });
  await eventually('many are answered', () => answered.length > 200, 60_000);
  first.signal('SIGKILL');
  await Promise.allSettled(callers);
  await first.exit;
  appendFileSync(onlyFile(), '{"seq":');

  expect(await verify(directory)).toMatchObject({ code: 1, output: expect.stringContaining('incomplete') });
  await using second = await start();
  await second.ready();
  expect(await second.stop()).toBe(0);
  const entries = readTrail(directory);
  const targets = new Set(entries.map(({ target }) => target));
  expect(answered.filter((id) => !targets.has(id))).toEqual([]);
  const repair = entries.find(({ kind }) => kind === 'repair');
  expect(readFileSync(join(directory, String(repair?.['keptIn'])), 'utf8')).toContain('{"seq":');
  expect(await verify(directory)).toMatchObject({ code: 0, output: expect.stringContaining('intact') });
});

test('a full disk refuses audited calls, says so, and the trail goes on when there is room', async () => {
  await using full = await start();
  await full.ready();
  await create(full);
  limitFiles(full, 4096);
  let refused = await create(full);
  await eventually('a call is refused', async () => (refused = await create(full)).status === 503, 20_000);
  expect(refused.body).toMatchObject({ code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE' });
  expect((await full.http.get('/notes')).status).toBe(200);
  expect(await full.line('audit trail cannot be written')).toMatchObject({ level: 'error' });
  limitFiles(full, 'unlimited');
  await eventually('calls are taken again', async () => (await create(full)).status === 201, 20_000);
  expect(await full.stop()).toBe(0);
  const entries = readTrail(directory);
  expect(entries.filter(({ kind }) => kind === 'outage')).toMatchObject([
    { cause: expect.stringContaining('EFBIG') },
  ]);
  expect(await verify(directory)).toMatchObject({ code: 0 });
});

test('a place that cannot be written keeps the service from starting, and it is said what to do', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await expect(startHere({ AUDIT_DIR: join(file, 'audit') })).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(
      /audit trail cannot be written: ENOTDIR.*AUDIT_DIR.*AUDIT_ON_FAILURE=allow/s,
    ),
  });
});

test('with AUDIT_ON_FAILURE=allow it starts there, and counts what it owes', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const app = await startHere({ AUDIT_DIR: join(file, 'audit'), AUDIT_ON_FAILURE: 'allow' });
  expect((await app.create()).status).toBe(201);
  await eventually('it shows', app.isDegraded);
  const { body } = await app.management.get('/metrics');
  expect(body).toMatch(/^audit_entries_waiting [1-9]/m);
  rmSync(file);
  await eventually('the trail is there', () => existsSync(join(file, 'audit')), 20_000);
  await eventually('so is the entry', () =>
    readTrail(join(file, 'audit')).some(({ kind }) => kind === 'entry'),
  );
});

test('with AUDIT_ON_FAILURE=allow a chain whose last line is damaged is left as it is, until it is whole', async () => {
  const first = await startHere();
  await first.create();
  await first.stop();
  const file = onlyFile();
  const trail = readFileSync(file, 'utf8');
  const damaged = `${trail.slice(0, -10)}\n`;
  writeFileSync(file, damaged);

  const second = await startHere({ AUDIT_ON_FAILURE: 'allow' });
  expect(await line('audit trail cannot be written')).toMatchObject({
    level: 'error',
    err: { message: expect.stringContaining(`${file} is no audit entry`) },
  });
  for (let index = 0; index < 3; index++) expect((await second.create()).status).toBe(201);
  await eventually('it shows', second.isDegraded);
  expect(readFileSync(onlyFile(), 'utf8')).toBe(damaged);
  expect(await verify(directory)).toMatchObject({
    code: 1,
    output: expect.stringContaining(`${file}:4: changed`),
  });

  // At once: a file that is empty for a moment would be one to begin the chain in.
  writeFileSync(`${file}.whole`, trail);
  renameSync(`${file}.whole`, file);
  await line('audit trail can be written again');
  await second.stop();
  const entries = readTrail(directory);
  expect(entries.filter(({ kind }) => kind === 'entry')).toHaveLength(4);
  expect(entries.filter(({ kind }) => kind === 'outage')).toMatchObject([{ lost: 0 }]);
  expect(await verify(directory)).toMatchObject({ code: 0, output: expect.stringContaining('intact') });
});

describe('audit:verify', () => {
  const key = Buffer.alloc(64, 7);

  /** A trail with a key; returns its last anchor from the log. */
  async function makeTrail(): Promise<string> {
    writeFileSync(join(directory, 'key'), key);
    const app = await startHere({ AUDIT_KEY_FILE: join(directory, 'key') });
    for (let index = 0; index < 3; index++) await app.create();
    await app.stop();
    return String((await line('audit anchor'))['hash']);
  }

  test('holds a trail against its key and the anchor in the log', async () => {
    const anchor = await makeTrail();
    const options = ['--key-file', join(directory, 'key'), '--expect', anchor, '--json', directory];
    const { code, output } = await verify(...options);
    expect({ code, report: JSON.parse(output) as unknown }).toMatchObject({
      code: 0,
      report: { isIntact: true, entries: 6, chains: [{ chain: 'file-1', seq: 6, hash: anchor }] },
    });
    expect(await verify(directory)).toMatchObject({ code: 1 });

    const texts = readFileSync(onlyFile(), 'utf8').split('\n');
    writeFileSync(onlyFile(), `${texts.slice(0, 4).join('\n')}\n`);
    expect(await verify(...options)).toMatchObject({ code: 1, output: expect.stringContaining('cut-off') });
    writeFileSync(onlyFile(), texts.join('\n').replace('"result":"ok"', '"result":"no"'));
    const changed = await verify(...options.filter((option) => option !== '--json'));
    expect(changed).toMatchObject({ code: 1, output: expect.stringContaining(`${onlyFile()}:3: changed`) });
  });

  test('says that it cannot tell when there is nothing to read', async () => {
    expect(await verify(directory)).toMatchObject({
      code: 2,
      error: expect.stringContaining('has no audit files'),
    });
    expect(await verify('--expect', '594e6fea', directory)).toMatchObject({
      code: 2,
      error: expect.stringContaining('"594e6fea" is no hash'),
    });
    // As an operator runs it.
    expect(await run('npm', ['run', '--silent', 'audit:verify', '--', '--nonsense'])).toMatchObject({
      code: 2,
      error: expect.stringContaining('--nonsense'),
    });
  });
});

/** The most that a process may write to one file: what a full disk is to it. */
function limitFiles({ pid }: ServiceProcess, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}
