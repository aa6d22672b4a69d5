import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { json } from 'node:stream/consumers';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { EtcdServer } from '../support/etcd-server.js';
import { eventually } from '../support/index.js';
import { Scrape } from '../support/scrape.js';
import { startProcess, type LogLine, type ServiceProcess } from '../support/service-process.js';

/** A generation of workers starts within this time, also on a busy machine. */
const START_MS = 90_000;
/** The first test of a run may have to build, too. */
const TEST_MS = 300_000;
const program = join(import.meta.dirname, 'fixtures/live-service.ts');

interface Answer {
  readonly pid: number;
  readonly greeting: string;
  readonly fixed: string;
}

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'live-config-'));
  file = join(directory, 'app.yaml');
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const start = (env: Readonly<Record<string, string>> = {}) =>
  startProcess({ program, env: { CONFIG_FILES: file, SHUTDOWN_PROPAGATION_MS: '0', ...env } });

/** On a connection of its own: each may go to another worker. */
function ask(service: ServiceProcess, path = '/live'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(`http://${service.address('http')}${path}`, { agent: false }, (answer) => {
      json(answer).then((body) => resolve(body as Answer), reject);
    }).once('error', reject);
  });
}

/** What each worker says. */
async function askAll(service: ServiceProcess, workers: number): Promise<Answer[]> {
  const answers = new Map<number, Answer>();
  for (let i = 0; i < 100 && answers.size < workers; i++) {
    const answer = await ask(service);
    answers.set(answer.pid, answer);
  }
  return [...answers.values()];
}

/** How many looks at the configuration ended how. */
async function looksOf(service: ServiceProcess) {
  const scrape = await Scrape.of(service);
  const count = (result: string) => scrape.sum('config_reloads_total', { result });
  return {
    applied: count('applied'),
    unchanged: count('unchanged'),
    refused: count('refused'),
    failed: count('failed'),
  };
}

const allSay = (service: ServiceProcess, wanted: Partial<Answer>) =>
  eventually(
    `both workers say ${JSON.stringify(wanted)}`,
    async () => {
      const answers = await askAll(service, 2);
      const isWanted = (answer: Answer) =>
        Object.entries(wanted).every(([key, value]) => answer[key as keyof Answer] === value);
      return answers.length === 2 && answers.every(isWanted);
    },
    START_MS,
  );

/** Ends the calls that a worker holds. */
function letGo(pid: number): void {
  try {
    process.kill(pid, 'SIGWINCH');
  } catch {
    // It held none, and has ended.
  }
}

const linesOf = (service: ServiceProcess, msg: string): LogLine[] =>
  service.lines.filter((line) => line['msg'] === msg);

const times = (service: ServiceProcess, msg: string) => linesOf(service, msg).length;

test(
  'several workers follow as one: sources, reload, rollback, a crash and a rolling restart, in which nothing is lost',
  { timeout: TEST_MS },
  async () => {
    write('GREETING: one\n');
    await using service = await start({ WORKERS: '2', CONFIG_RESTART: 'rolling' });
    await service.ready();
    await allSay(service, { greeting: 'one' });
    const { revision } = (await service.management.get('/config')).body as { revision: number };
    write('GREETING: two\n');
    await allSay(service, { greeting: 'two' });

    const rollback = await service.management.post(`/config/revisions/${revision}/rollback`);
    expect(rollback).toMatchObject({ status: 200, body: { result: 'applied' } });
    await allSay(service, { greeting: 'one' });
    const [{ pid: victim } = { pid: 0 }] = await askAll(service, 2);
    process.kill(victim, 'SIGKILL');
    await eventually('it is replaced', () => times(service, 'worker ready') === 3, START_MS);
    await allSay(service, { greeting: 'one' });
    expect((await service.management.post('/config/reload')).status).toBe(200);
    await allSay(service, { greeting: 'two' });

    await changeWhatNeedsRestarts(service);
    expect(await service.stop()).toBe(0);
  },
);

/** A rolling restart takes what changes while it goes on, and the correction of what no worker starts with. */
async function changeWhatNeedsRestarts(service: ServiceProcess): Promise<void> {
  const old = await askAll(service, 2);
  const held = ask(service, '/live/held');
  await eventually(
    'the call has begun',
    async () => (await Scrape.of(service)).sum('http_server_active_requests') === 1,
  );
  write('GREETING: two\nFIXED: sand\n');
  await eventually('new workers serve', () => times(service, 'worker ready') === 5, START_MS);
  write('GREETING: two\nFIXED: glass\n');
  const fresh = new Set(
    linesOf(service, 'worker ready')
      .slice(3)
      .map(({ worker }) => worker),
  );
  const told = () =>
    linesOf(service, 'configuration has changed that needs a restart').filter(({ worker }) =>
      fresh.has(worker),
    ).length;
  await eventually('the new workers have told', () => told() === 2);
  for (const { pid } of old) letGo(pid);
  expect(await held).toMatchObject({ fixed: 'stone' });
  await eventually('the restarts are done', () => times(service, 'rolling restart done') === 2, START_MS);
  await allSay(service, { greeting: 'two', fixed: 'glass' });
  expect((await service.management.get('/config')).body.restartNeeded).toEqual([]);
  expect(times(service, 'rolling restart')).toBe(2);

  write('FIXED: water\n');
  const isFailure = ({ msg }: LogLine) => String(msg).startsWith('rolling restart failed');
  await eventually('it failed', () => service.lines.some(isFailure), START_MS);
  write('FIXED: rock\n');
  await eventually('it is corrected', () => times(service, 'rolling restart done') === 3, START_MS);
  await allSay(service, { fixed: 'rock' });
}

test(
  'a rollback and a reload that take long are waited for, and hold in every worker',
  { timeout: TEST_MS },
  async () => {
    const etcd = await EtcdServer.start();
    onTestFinished(() => etcd.stop());
    write('GREETING: one\n');
    await using service = await start({
      WORKERS: '2',
      ETCD_ENDPOINTS: etcd.url,
      ETCD_CONFIG_PREFIX: 'config/',
      CONFIG_SNAPSHOT_FILE: join(directory, 'snapshot.json'),
      // Longer than a worker may take for any other answer, and that twice.
      CONFIG_SOURCE_TIMEOUT_MS: '11000',
    });
    await service.ready();
    const { revision } = (await service.management.get('/config')).body as { revision: number };
    write('GREETING: two\n');
    await allSay(service, { greeting: 'two' });
    etcd.freeze();
    const reload = service.management.post('/config/reload');
    // One question later, so that the rollback comes after it.
    await service.management.get('/info');
    const rollback = await service.management.post(`/config/revisions/${revision}/rollback`);
    expect(await reload).toMatchObject({ status: 503, body: { reason: 'CONFIG_SOURCE_UNAVAILABLE' } });
    expect(rollback).toMatchObject({ status: 200, body: { result: 'applied' } });
    await allSay(service, { greeting: 'one' });
    etcd.thaw();
    expect(await service.stop()).toBe(0);
  },
);

test('one process alone looks on SIGHUP and POST /config/reload at what no event has told; on SIGUSR2 it only warns', async () => {
  write('GREETING: one\n');
  await using service = await start();
  await service.ready();
  service.signal('SIGUSR2');
  await eventually('the warning is there', () => service.lines.some(({ level }) => level === 'warn'));
  expect(service.lines.at(-1)?.['msg']).toMatch(/SIGUSR2 needs WORKERS/);
  service.signal('SIGHUP');
  expect(await service.line('configuration is unchanged')).toMatchObject({
    cause: 'SIGHUP',
    level: 'info',
  });
  write('GREETING: [\n');
  const answer = await service.management.post('/config/reload');
  expect(answer).toMatchObject({ status: 503, body: { reason: 'CONFIG_SOURCE_UNAVAILABLE' } });
  expect(answer.body.detail).toContain('is not YAML (line');
  const before = await looksOf(service);
  service.signal('SIGHUP');
  const isTold = ({ msg, cause }: LogLine) =>
    msg === 'configuration could not be read as a whole' && cause === 'SIGHUP';
  await eventually('the signal was in vain', () => service.lines.some(isTold));
  expect(service.lines.find(isTold)).toMatchObject({
    level: 'error',
    reason: expect.stringContaining('is not YAML (line'),
  });
  expect(await looksOf(service)).toEqual({ ...before, failed: before.failed + 1 });
  write('GREETING: two\nFIXED: sand\n');
  expect((await service.management.post('/config/reload')).status).toBe(200);
  expect(await ask(service)).toMatchObject({ greeting: 'two', fixed: 'stone' });
  expect(await service.stop()).toBe(0);
  expect(service.stderr).toBe('');
});
