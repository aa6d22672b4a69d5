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
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readTrail } from '../support/audited-probe.js';
import { buildOnce, PROJECT } from '../support/build.js';
import { eventually } from '../support/index.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const PROGRAM = join(import.meta.dirname, 'fixtures/audited-service.ts');

// Each starts the service, some twice.
vi.setConfig({ testTimeout: 90_000 });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-process-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function start(env: Record<string, string> = {}): Promise<ServiceProcess & AsyncDisposable> {
  await buildOnce();
  const settings = {
    AUDIT_SINK: 'file',
    AUDIT_DIR: directory,
    AUDIT_RETRY_MS: '50',
    HEALTH_INTERVAL_MS: '50',
  };
  return startProcess({ program: PROGRAM, env: { ...settings, ...env } });
}

let notes = 0;
const create = (service: ServiceProcess) => service.http.post(`/notes/note-${++notes}`);

interface Verified {
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

/** The command as an operator runs it. */
async function verify(...parameters: string[]): Promise<Verified> {
  await buildOnce();
  const command = ['run', '--silent', 'audit:verify', '--', ...parameters];
  return new Promise((resolve) => {
    execFile('npm', command, { cwd: PROJECT }, (failure, output, error) =>
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
  const lines = readTrail(directory);
  const targets = new Set(lines.map(({ target }) => target));
  expect(answered.filter((id) => !targets.has(id))).toEqual([]);
  const repair = lines.find(({ kind }) => kind === 'repair');
  expect(readFileSync(join(directory, String(repair?.['keptIn'])), 'utf8')).toContain('{"seq":');
  expect(await verify(directory)).toMatchObject({ code: 0, output: expect.stringContaining('intact') });
});

test('a full disk refuses audited calls, says so, and the trail goes on when there is room', async () => {
  await using service = await start();
  await service.ready();
  await create(service);
  limitFiles(service, 4096);
  let refused = await create(service);
  await eventually('a call is refused', async () => (refused = await create(service)).status === 503, 20_000);
  expect(refused.body).toMatchObject({ code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE' });
  expect((await service.http.get('/notes')).status).toBe(200);
  expect(await service.line('audit trail cannot be written')).toMatchObject({ level: 'error' });
  limitFiles(service, 'unlimited');
  await eventually('calls are taken again', async () => (await create(service)).status === 201, 20_000);
  expect(await service.stop()).toBe(0);
  const lines = readTrail(directory);
  expect(lines.filter(({ kind }) => kind === 'outage')).toMatchObject([
    { cause: expect.stringContaining('EFBIG') },
  ]);
  expect(await verify(directory)).toMatchObject({ code: 0 });
});

test('a place that cannot be written keeps the service from starting, with one line that says what to do', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await using service = await start({ AUDIT_DIR: join(file, 'audit') });
  expect(await service.exit).toBe(1);
  expect(service.lines).toHaveLength(1);
  expect(service.lines[0]?.['msg']).toMatch(
    /audit trail cannot be written: ENOTDIR.*AUDIT_DIR.*AUDIT_ON_FAILURE=allow/s,
  );
});

test('with AUDIT_ON_FAILURE=allow it starts there, and counts what it owes', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await using service = await start({ AUDIT_DIR: join(file, 'audit'), AUDIT_ON_FAILURE: 'allow' });
  await service.ready();
  expect((await create(service)).status).toBe(201);
  await eventually('it shows', async () => {
    return (await service.management.get('/readyz')).body.status === 'degraded';
  });
  const { body } = await service.management.get('/metrics');
  expect(body).toMatch(/^audit_entries_waiting [1-9]/m);
  rmSync(file);
  await eventually('the trail is there', () => existsSync(join(file, 'audit')), 20_000);
  await eventually('so is the entry', () =>
    readTrail(join(file, 'audit')).some(({ kind }) => kind === 'entry'),
  );
});

test('with AUDIT_ON_FAILURE=allow a chain whose last line is damaged is left as it is, until it is whole', async () => {
  await using first = await start();
  await first.ready();
  await create(first);
  await first.stop();
  const file = onlyFile();
  const trail = readFileSync(file, 'utf8');
  const damaged = `${trail.slice(0, -10)}\n`;
  writeFileSync(file, damaged);

  await using second = await start({ AUDIT_ON_FAILURE: 'allow' });
  await second.ready();
  expect(await second.line('audit trail cannot be written')).toMatchObject({
    level: 'error',
    err: { message: expect.stringContaining(`${file} is no audit entry`) },
  });
  for (let index = 0; index < 3; index++) expect((await create(second)).status).toBe(201);
  await eventually('it shows', async () => {
    return (await second.management.get('/readyz')).body.status === 'degraded';
  });
  expect(readFileSync(onlyFile(), 'utf8')).toBe(damaged);
  expect(await verify(directory)).toMatchObject({
    code: 1,
    output: expect.stringContaining(`${file}:4: changed`),
  });

  // At once: a file that is empty for a moment would be one to begin the chain in.
  writeFileSync(`${file}.whole`, trail);
  renameSync(`${file}.whole`, file);
  await second.line('audit trail can be written again');
  expect(await second.stop()).toBe(0);
  const lines = readTrail(directory);
  expect(lines.filter(({ kind }) => kind === 'entry')).toHaveLength(4);
  expect(lines.filter(({ kind }) => kind === 'outage')).toMatchObject([{ lost: 0 }]);
  expect(await verify(directory)).toMatchObject({ code: 0, output: expect.stringContaining('intact') });
});

describe('audit:verify', () => {
  const key = Buffer.alloc(64, 7);

  /** A trail with a key; returns its last anchor from the log. */
  async function makeTrail(): Promise<string> {
    writeFileSync(join(directory, 'key'), key);
    await using service = await start({ AUDIT_KEY_FILE: join(directory, 'key') });
    await service.ready();
    for (let index = 0; index < 3; index++) await create(service);
    await service.stop();
    return String((await service.line('audit anchor'))['hash']);
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

    const lines = readFileSync(onlyFile(), 'utf8').split('\n');
    writeFileSync(onlyFile(), `${lines.slice(0, 4).join('\n')}\n`);
    expect(await verify(...options)).toMatchObject({ code: 1, output: expect.stringContaining('cut-off') });
    writeFileSync(onlyFile(), lines.join('\n').replace('"result":"ok"', '"result":"no"'));
    const changed = await verify(...options.filter((option) => option !== '--json'));
    expect(changed).toMatchObject({ code: 1, output: expect.stringContaining(`${onlyFile()}:3: changed`) });
  });

  test('says that it cannot tell when there is nothing to read', async () => {
    expect(await verify(directory)).toMatchObject({
      code: 2,
      error: expect.stringContaining('has no audit files'),
    });
    expect(await verify('--nonsense')).toMatchObject({
      code: 2,
      error: expect.stringContaining('--nonsense'),
    });
  });
});

/** The most that a process may write to one file: what a full disk is to it. */
function limitFiles({ pid }: ServiceProcess, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}
