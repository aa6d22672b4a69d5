import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { on } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Config } from '#chassis/config';
import { LiveConfig } from '#chassis/live-config';
import { eventually, TestApp } from '../support/index.js';
import { LiveRpcs, liveService, type LiveKeys } from '../support/live-service.js';

const lines: Record<string, unknown>[] = [];
let directory: string;
let app: TestApp;
let config: Config<LiveKeys>;

const path = (name: string) => join(directory, name);

/** As careful programs do it. */
function replace(name: string, text: string): void {
  writeFileSync(path(`${name}.new`), text);
  renameSync(path(`${name}.new`), path(name));
}

/** As kubelet does it: a new folder, and one link that is renamed over the old one. */
function mount(generation: number, files: Readonly<Record<string, string>>): void {
  const folder = `..2026_11_22_${generation}`;
  mkdirSync(path(`mounted/${folder}`), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path(`mounted/${folder}/${name}`), text);
  symlinkSync(folder, path('mounted/..data_tmp'));
  renameSync(path('mounted/..data_tmp'), path('mounted/..data'));
}

const greets = (text: string) => eventually(`GREETING is ${text}`, () => config.values.GREETING === text);
const says = (msg: string, of: Readonly<Record<string, unknown>> = {}) =>
  eventually(`the log has ${msg}`, () =>
    lines.some(
      (line) => line['msg'] === msg && Object.entries(of).every(([key, value]) => line[key] === value),
    ),
  );
const describeConfig = async () => (await app.management.get('/config')).body;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'live-config-'));
  writeFileSync(path('app.yaml'), 'GREETING: one\nGREETING_TOKEN: hunter2\n');
  mkdirSync(path('mounted'));
  mount(1, { FAREWELL: 'farewell\n' });
  symlinkSync('..data/FAREWELL', path('mounted/FAREWELL'));
  app = await TestApp.start({
    service: liveService,
    config: {
      CONFIG_FILES: path('app.yaml'),
      CONFIG_DIRECTORIES: path('mounted'),
      CONFIG_MAX_BYTES: 65_536,
      CONFIG_PREPARE_TIMEOUT_MS: 1000,
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
    },
    logTo: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  config = app.get(Config) as unknown as Config<LiveKeys>;
});
afterAll(async () => {
  await app.stop();
  rmSync(directory, { recursive: true });
});

describe('a file', () => {
  beforeEach(async () => {
    lines.length = 0;
    replace('app.yaml', 'GREETING: one\n');
    await greets('one');
  });

  test('that is renamed into place is taken, and so is one that is written in place', async () => {
    replace('app.yaml', 'GREETING: renamed\n');
    await greets('renamed');
    writeFileSync(path('app.yaml'), 'GREETING: written\n');
    await greets('written');
    const { entries, revision } = await describeConfig();
    expect(entries.find(({ key }: { key: string }) => key === 'GREETING')).toEqual({
      key: 'GREETING',
      value: 'written',
      source: `file:${path('app.yaml')}`,
      isLive: true,
    });
    expect(revision).toBe(config.revision);
  });

  test.each([
    ['truncated', () => truncateSync(path('app.yaml')), 'is empty. Write {}'],
    ['gone', () => rmSync(path('app.yaml')), 'cannot be read (ENOENT)'],
    // As root may read everything, a folder stands for what may not be read.
    [
      'unreadable',
      () => {
        rmSync(path('app.yaml'));
        mkdirSync(path('app.yaml'));
      },
      'cannot be read (EISDIR)',
    ],
    [
      'tagged',
      () => replace('app.yaml', 'GREETING: !env hunter2\n'),
      'is not YAML (line 1: TAG_RESOLVE_FAILED)',
    ],
    ['no YAML', () => replace('app.yaml', 'GREETING: [hunter2\n'), 'is not YAML (line'],
    [
      '10 MB of rubbish',
      () => replace('app.yaml', 'rubbish: '.repeat(1_200_000)),
      'more than CONFIG_MAX_BYTES (65536)',
    ],
  ])('that is %s changes nothing, is told, and is followed again', async (_what, damage, reason) => {
    damage();
    await says('source of the configuration cannot be used; what it said last stays');
    expect(config.values.GREETING).toBe('one');
    const { sources } = await describeConfig();
    const source = sources.find(({ name }: { name: string }) => name === `file:${path('app.yaml')}`);
    expect(source).toMatchObject({ isUp: false, message: expect.stringContaining(reason) });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    rmSync(path('app.yaml'), { recursive: true, force: true });
    replace('app.yaml', 'GREETING: again\n');
    await greets('again');
    expect((await describeConfig()).sources.every(({ isUp }: { isUp: boolean }) => isUp)).toBe(true);
  });

  test.each([
    ['an unknown key', 'GREETNG: x\n', 'has keys that no schema knows: GREETNG'],
    ['a wrong value', `GREETING: ${'x'.repeat(300)}\n`, `GREETING (from file:`],
    [
      'a key that says where configuration comes from',
      'ETCD_ENDPOINTS: http://x\n',
      'may not set ETCD_ENDPOINTS',
    ],
  ])('with %s is refused as a whole', async (_what, text, reason) => {
    replace('app.yaml', `FAREWELL: never\n${text}`);
    await says('configuration refused; the last good one stays', { by: 'schema' });
    const { refused } = await describeConfig();
    expect(refused).toEqual({
      at: expect.any(String),
      cause: `file:${path('app.yaml')}`,
      by: 'schema',
      reason: expect.stringContaining(reason),
    });
    expect(config.values).toMatchObject({ GREETING: 'one', FAREWELL: 'farewell' });
    replace('app.yaml', 'GREETING: two\n');
    await greets('two');
    expect((await describeConfig()).refused).toBeNull();
  });

  test('that changes a key which is not live is taken but for that key, which needs a restart', async () => {
    replace('app.yaml', 'GREETING: two\nFIXED: sand\n');
    await greets('two');
    expect(config.values.FIXED).toBe('stone');
    expect((await describeConfig()).restartNeeded).toEqual(['FIXED']);
    await says('configuration has changed that needs a restart');
    expect((await app.management.get('/metrics')).body).toContain('config_restart_needed 1');
    let told = 0;
    app.get(LiveConfig).onRestartNeeded(() => (told += 1));
    expect(told).toBe(1);
    replace('app.yaml', 'GREETING: four\nFIXED: sand\n');
    await greets('four');
    expect(told).toBe(1);
    replace('app.yaml', 'GREETING: four\nFIXED: glass\n');
    await eventually('another value is told', () => told === 2);
    replace('app.yaml', 'GREETING: three\n');
    await greets('three');
    expect((await describeConfig()).restartNeeded).toEqual([]);
  });
});

test('a value that is taken away from a key without a default is gone, until a rollback', async () => {
  const entryOf = async (name: string) =>
    (await describeConfig()).entries.find(({ key }: { key: string }) => key === name);
  replace('app.yaml', 'FOOTER: foot\nFOOTER_TOKEN: hunter2\n');
  await eventually('it is there', () => config.values.FOOTER === 'foot');
  const { revision } = config;
  expect(await entryOf('FOOTER_TOKEN')).toMatchObject({ value: '[redacted]' });
  replace('app.yaml', '{}\n');
  await eventually('it is gone', () => config.values.FOOTER === undefined);
  for (const key of ['FOOTER', 'FOOTER_TOKEN'])
    expect(await entryOf(key)).toEqual({ key, value: null, source: 'default', isLive: true });
  const { revisions } = (await app.management.get('/config/revisions')).body;
  expect(revisions[0].changes).toContainEqual({
    key: 'FOOTER',
    previous: 'foot',
    next: null,
    source: 'default',
  });
  await app.management.post(`/config/revisions/${revision}/rollback`);
  expect(config.values.FOOTER).toBe('foot');
  replace('app.yaml', 'GREETING: one\n');
  await eventually('it is gone again', () => config.values.FOOTER === undefined);
});

test('a mounted folder is followed through its link', async () => {
  mount(2, { FAREWELL: 'two' });
  await eventually('the second generation is taken', () => config.values.FAREWELL === 'two');
  mount(3, { FAREWELL: '' });
  await eventually('an empty file counts as not set', () => config.values.FAREWELL === 'bye');
  mount(4, { FAREWELL: 'four' });
  await eventually('the fourth generation is taken', () => config.values.FAREWELL === 'four');
});

test('a part of the service may refuse a change, and a reload offers it again', async () => {
  const stop = config.prepareChange(['GREETING'], ({ next }) => {
    if (next.GREETING === 'rude') throw new Error('GREETING must be polite');
    return { commit: () => undefined };
  });
  replace('app.yaml', 'GREETING: rude\n');
  await eventually('it is refused', async () => (await describeConfig()).refused?.by === 'service');
  expect((await describeConfig()).refused.reason).toBe('GREETING must be polite');
  stop();
  const answer = await app.management.post('/config/reload');
  expect(answer).toMatchObject({ status: 200, body: { result: 'applied', changed: ['GREETING'] } });
});

test('who fails to drop what a refused change had needed keeps nobody from it, and is in the log', async () => {
  const dropped: string[] = [];
  const ready = Promise.withResolvers<void>();
  const commit = () => undefined;
  const fails = (text: string) => () => {
    throw new Error(text);
  };
  const stops = [
    config.prepareChange(['GREETING'], () => ({ commit, discard: fails('cannot drop') })),
    config.prepareChange(['GREETING'], () => ({ commit, discard: () => dropped.push('second') })),
    config.prepareChange(['GREETING'], async () => {
      await ready.promise;
      return { commit, discard: fails('cannot drop so late') };
    }),
  ];
  replace('app.yaml', 'GREETING: slow\n');
  await eventually('it is refused', async () => (await describeConfig()).refused?.by === 'service');
  expect((await describeConfig()).refused.reason).toMatch(
    'a part of the service was not ready for it within',
  );
  ready.resolve();
  expect(dropped).toEqual(['second']);
  const faults = () => lines.map(({ err }) => (err as { message?: string } | undefined)?.message);
  await eventually('the log has both', () => faults().includes('cannot drop so late'));
  expect(faults()).toContain('cannot drop');
  for (const stop of stops) stop();
  replace('app.yaml', 'GREETING: rude\n');
  await eventually('nothing is refused any more', async () => (await describeConfig()).refused === null);
});

test('a rollback outlives changes that are refused, and ends with one that is taken', async () => {
  replace('app.yaml', 'GREETING: good\n');
  await greets('good');
  const { revision } = config;
  replace('app.yaml', 'GREETING: bad\n');
  await greets('bad');
  await app.management.post(`/config/revisions/${revision}/rollback`);
  const isRefused = (reason: string) =>
    eventually(reason, async () => (await describeConfig()).refused?.reason.includes(reason) === true);
  const holds = async () => {
    expect(config.values.GREETING).toBe('good');
    expect((await describeConfig()).pinned).toBe(revision);
  };
  const stop = config.prepareChange(['GREETING'], ({ next }) => {
    if (next.GREETING === 'rude') throw new Error('GREETING must be polite');
    return { commit: () => undefined };
  });
  replace('app.yaml', 'GREETING: rude\n');
  await isRefused('must be polite');
  await holds();
  stop();
  for (const [text, reason] of [
    [`GREETING: ${'x'.repeat(300)}\n`, 'GREETING (from file:'],
    ['GREETNG: x\n', 'has keys that no schema knows: GREETNG'],
  ] as const) {
    replace('app.yaml', text);
    await isRefused(reason);
    await holds();
    expect((await app.management.post('/config/reload')).status).toBe(400);
    await holds();
    // What was set aside stays so.
    replace('app.yaml', 'GREETING: bad\n');
    await eventually('it is corrected', async () => (await describeConfig()).refused === null);
    await holds();
  }
  replace('app.yaml', 'GREETING: better\n');
  await greets('better');
  expect((await describeConfig()).pinned).toBeNull();
});

test('a call sees one revision from its beginning to its end, on both transports', async () => {
  replace('app.yaml', 'GREETING: early\nFAREWELL: early\n');
  await greets('early');
  const calls = [
    app.http.get('/live?wait=600').then(({ body }) => body as object),
    app.grpc
      .unary(LiveRpcs.unary, { reason: 'read', domain: '', metadata: { wait: '600' } })
      .then(({ metadata }) => metadata),
  ];
  await new Promise((resolve) => setTimeout(resolve, 100));
  replace('app.yaml', 'GREETING: late\n');
  await greets('late');
  for (const answer of await Promise.all(calls))
    expect(answer).toEqual({ first: 'early', last: 'early', farewell: 'four', now: 'late' });
  expect((await app.http.get('/live')).body.first).toBe('late');
});

test('a stream keeps its revision as long as it lasts', async () => {
  replace('app.yaml', 'GREETING: early\n');
  await greets('early');
  const stream = app.grpc.bidi(LiveRpcs.bidi);
  const answers = on(stream, 'data');
  const ask = async () => {
    stream.write({ reason: 'read', domain: '', metadata: {} });
    const { value } = (await answers.next()) as { value: [{ metadata: Record<string, string> }] };
    return value[0].metadata;
  };
  expect(await ask()).toMatchObject({ first: 'early', now: 'early' });
  replace('app.yaml', 'GREETING: late\n');
  await greets('late');
  expect(await ask()).toMatchObject({ first: 'early', last: 'early', now: 'late' });
  stream.end();
});

test('many changes in a row are taken together, and the last one holds', async () => {
  const before = config.revision;
  for (let i = 0; i < 200; i++) replace('app.yaml', `GREETING: burst-${i}\n`);
  await greets('burst-199');
  expect(config.revision - before).toBeLessThan(100);
});
