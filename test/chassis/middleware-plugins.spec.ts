import { Module } from '@nestjs/common';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Middleware, type CallMiddleware } from '#chassis/middleware';
import { service } from '../../src/app.module.js';
import { buildOnce, PROJECT } from '../support/build.js';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const run = promisify(execFile);
const HASH_COMMAND = join(PROJECT, 'dist/chassis/middleware/plugin-hash.command.js');

@Middleware({ name: 'own' })
class OwnMiddleware implements CallMiddleware {
  preHandle(): void {
    // Its name is what counts.
  }
}

@Module({ imports: [ProbeModule], providers: [OwnMiddleware] })
class PluggedModule {}

/** Sets a header of the answer, and tells of its life by a global list: a plugin shares nothing else with a test. */
const GREETER = `
  globalThis.pluginLives ??= [];
  const check = (value) =>
    Object.keys(value).every((key) => key === 'greeting')
      ? { value: { greeting: 'hello', ...value } }
      : { issues: [{ message: 'knows greeting only' }] };
  export default ({ answer, ServiceError }) => ({
    priority: 5,
    settings: { '~standard': { version: 1, vendor: 'test', validate: check } },
    init: ({ greeting }) => globalThis.pluginLives.push('init ' + greeting),
    destroy: () => globalThis.pluginLives.push('destroy'),
    preHandle: (context, { greeting }) => {
      context.setHeader('x-greeting', greeting);
      if (context.header('x-ask') === 'answer')
        return answer({ reason: 'plugged', domain: '', metadata: {} });
      if (context.header('x-ask') === 'refuse')
        throw new ServiceError({ code: 'ABORTED', reason: 'PLUGGED', message: 'no' });
    },
  });`;
const lives = ((globalThis as unknown as { pluginLives: string[] }).pluginLives ??= []);

let folder: string;
let app: TestApp;
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plugins-'));
  mkdirSync(join(folder, 'plugins'));
  writeManifest([]);
  app = await TestApp.start({
    service: { ...service, module: PluggedModule },
    config: {
      PLUGINS_MANIFEST: manifest(),
      PLUGINS_ALLOWED: '*.mjs, @acme/*',
      MIDDLEWARE_INIT_TIMEOUT_MS: 300,
      PLUGINS_MAX_BYTES: 5000,
      LOG_LEVEL: 'info',
    },
    logTo: new Writable({
      write(chunk, _encoding, done) {
        for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line));
        done();
      },
    }),
  });
});
afterAll(async () => {
  await app.stop();
  rmSync(folder, { recursive: true });
});

const manifest = () => join(folder, 'plugins', 'manifest.yaml');

function writeManifest(plugins: readonly object[]): void {
  writeFileSync(manifest(), JSON.stringify({ plugins }));
}

function writePlugin(file: string, text: string): string {
  writeFileSync(join(folder, 'plugins', file), text);
  return createHash('sha256').update(text).digest('hex');
}

async function reload(plugins: readonly object[]) {
  writeManifest(plugins);
  const { status, body } = await app.management.post('/middlewares/reload');
  return { status, body, names: (body.middlewares ?? []).map(({ name }: { name: string }) => name) };
}

test('a plugin is loaded, acts on both transports, and is unloaded, while the service runs', async () => {
  const sha256 = writePlugin('greeter.mjs', GREETER);
  const entry = { name: 'greeter', file: 'greeter.mjs', sha256, settings: { greeting: 'good day' } };
  expect(await reload([entry])).toMatchObject({ status: 200, names: ['greeter', 'own'] });
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('good day');
  expect((await app.http.post('/probe', order('echo'), { 'x-ask': 'answer' })).body.reason).toBe('plugged');
  const options = { metadata: { 'x-ask': 'refuse' } };
  await expect(app.grpc.unary(Probes.unary, order('echo'), options)).rejects.toThrow('no');
  expect(lines.at(-1)).toMatchObject({ msg: 'call', reason: 'PLUGGED', middleware: 'greeter' });
  expect(await reload([entry])).toMatchObject({ names: ['greeter', 'own'] });
  expect(lives).toEqual(['init good day']);

  expect(await reload([{ ...entry, settings: { greeting: 'hi' } }])).toMatchObject({ status: 200 });
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hi');
  await eventually('the former instance has ended', () => lives.includes('destroy'));
  expect(lives).toEqual(['init good day', 'init hi', 'destroy']);

  expect(await reload([])).toMatchObject({ names: ['own'] });
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBeNull();
  await eventually('the plugin has ended', () => lives.length === 4);
});

test('PLUGINS_MANIFEST is live: another file, none, and one that is refused', async () => {
  const sha256 = writePlugin('greeter.mjs', GREETER);
  const other = join(folder, 'plugins', 'other.yaml');
  writeFileSync(other, JSON.stringify({ plugins: [{ name: 'live', file: 'greeter.mjs', sha256 }] }));
  await changeManifest(other, [{ name: 'live', settings: { greeting: 'set' } }]);
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('set');
  expect((await Scrape.of(app)).sum('middleware_enabled', { middleware: 'live' })).toBe(1);
  await expect(changeManifest(other, [{ name: 'no' }])).rejects.toThrow(/there are own, live$/);
  await expect(changeManifest(join(folder, 'none.yaml'), [])).rejects.toThrow(/none.yaml cannot be read/);
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('set');
  await changeManifest('', []);
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBeNull();
  expect((await Scrape.of(app)).sum('middleware_enabled', { middleware: 'live' })).toBe(0);
  await changeManifest(manifest(), []);
});

test('a reload that comes during a change of PLUGINS_MANIFEST is one of the new manifest', async () => {
  const slow = GREETER.replace('init: (', 'init: async (').replace(
    'globalThis',
    'await new Promise((done) => setTimeout(done, 150)); globalThis',
  );
  expect(slow).not.toBe(GREETER);
  const sha256 = writePlugin('slow.mjs', slow);
  writeManifest([]);
  const other = join(folder, 'plugins', 'other.yaml');
  writeFileSync(other, JSON.stringify({ plugins: [{ name: 'slow', file: 'slow.mjs', sha256 }] }));
  const changed = changeManifest(other, []);
  expect((await app.management.post('/middlewares/reload')).body.middlewares).toHaveLength(2);
  await changed;
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hello');
  await changeManifest(manifest(), []);
});

test('a manifest that changes is read by itself; one that cannot be used changes nothing', async () => {
  const sha256 = writePlugin('greeter.mjs', GREETER);
  const entry = { name: 'watched', file: 'greeter.mjs', sha256 };
  const greeting = async () => (await app.http.get('/probe/echo')).headers.get('x-greeting');
  const says = (wanted: string | null) =>
    eventually(`it says ${wanted}`, async () => (await greeting()) === wanted);
  const replaceManifest = (text: string) => {
    writeFileSync(`${manifest()}.new`, text);
    renameSync(`${manifest()}.new`, manifest());
  };
  lines.length = 0;
  const told = (msg: string) => lines.filter((line) => line['msg'] === msg);
  replaceManifest(JSON.stringify({ plugins: [{ ...entry, settings: { greeting: 'seen' } }] }));
  await says('seen');
  await expect(
    app.grpc.unary(Probes.unary, order('echo'), { metadata: { 'x-ask': 'refuse' } }),
  ).rejects.toThrow('no');
  writeManifest([{ ...entry, settings: { greeting: 'written' } }]);
  await says('written');

  const refused = (reason: RegExp) =>
    told('changed manifest of plugins cannot be used; everything is as before').filter((line) =>
      reason.test(String(line['reason'])),
    );
  replaceManifest('{ plugins: [');
  await eventually('it is told', () => refused(/is neither YAML nor JSON/).length > 0);
  expect(refused(/./).every(({ level }) => level === 'error')).toBe(true);
  expect(await greeting()).toBe('written');
  rmSync(manifest());
  await eventually('it is told', () => refused(/ENOENT/).length > 0);
  expect(await greeting()).toBe('written');
  replaceManifest(JSON.stringify({ plugins: [] }));
  await says(null);
  expect(told('manifest of plugins was read again').length).toBeGreaterThanOrEqual(3);
});

async function changeManifest(path: string, middlewares: readonly object[]): Promise<void> {
  const { config } = app.service;
  const keys = config.describe().map(({ key }) => key as 'PLUGINS_MANIFEST');
  const values = Object.fromEntries(keys.map((key) => [key, config.get(key)]));
  const next = { ...values, PLUGINS_MANIFEST: path, MIDDLEWARES: middlewares };
  await config.change(next as never, new Map());
}

test('a plugin ends after the last call that began with it', async () => {
  const sha256 = writePlugin('greeter.mjs', GREETER);
  await reload([{ name: 'greeter', file: 'greeter.mjs', sha256 }]);
  const stream = app.grpc.serverStream(Probes.serverStream, order('endless')).on('error', () => {});
  await stream[Symbol.asyncIterator]().next();
  lives.length = 0;
  await reload([]);
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBeNull();
  expect(lives).toEqual([]);
  stream.cancel();
  await eventually('the plugin has ended', () => lives.length === 1);
});

test('a package is loaded when all of its files are what the manifest says', async () => {
  const root = join(folder, 'node_modules', '@acme', 'greeter');
  mkdirSync(join(root, 'lib'), { recursive: true });
  writeFileSync(
    join(root, 'package.json'),
    '{"name":"@acme/greeter","type":"module","exports":{".":{"import":"./index.js"}}}',
  );
  writeFileSync(join(root, 'index.js'), `export { default } from './lib/greeter.js';`);
  writeFileSync(join(root, 'lib', 'greeter.js'), GREETER);
  const entry = { name: 'packed', package: '@acme/greeter', sha256: '0'.repeat(64) };
  const { body } = await reload([entry]);
  const [, sha256] = /SHA-256 ([0-9a-f]{64})/.exec(body.refused[0].message) ?? [];
  expect(await reload([{ ...entry, sha256 }])).toMatchObject({
    names: ['packed', 'own'],
    body: { refused: [] },
  });
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hello');

  writeFileSync(join(root, 'lib', 'greeter.js'), `${GREETER}\n// another`);
  await reload([]);
  expect(await reload([{ ...entry, sha256 }])).toMatchObject({
    names: ['own'],
    body: { refused: [{ reason: 'WRONG_HASH' }] },
  });
});

describe('a plugin is refused, and the service goes on without it, when it', () => {
  const plugin = (name: string, text: string, more: object = {}) => {
    return { name, file: `${name}.mjs`, sha256: writePlugin(`${name}.mjs`, text), ...more };
  };
  const withInit = (body: string) => `export default () => ({ preHandle() {}, init() { ${body} } });`;

  test.each<[string, string, () => object]>([
    ['has another hash', 'WRONG_HASH', () => plugin('other', GREETER, { sha256: 'ab'.repeat(32) })],
    ['is not there', 'NOT_FOUND', () => ({ name: 'gone', file: 'gone.mjs', sha256: 'ab'.repeat(32) })],
    ['is not allowed', 'NOT_ALLOWED', () => ({ name: 'alien', file: 'alien.js', sha256: 'ab'.repeat(32) })],
    ['is too large', 'TOO_LARGE', () => plugin('large', `${GREETER}//${'x'.repeat(5000)}`)],
    ['is no module', 'IMPORT_FAILED', () => plugin('rubbish', 'this is no { module')],
    ['throws when imported', 'IMPORT_FAILED', () => plugin('thrower', `throw new Error('at import')`)],
    ['imports what was not hashed', 'IMPORT_FAILED', () => plugin('importer', `import './greeter.mjs';`)],
    [
      'throws when it is made',
      'IMPORT_FAILED',
      () => plugin('maker', `export default () => { throw new Error('made'); };`),
    ],
    [
      'never ends importing',
      'IMPORT_FAILED',
      () => plugin('waiter', 'await new Promise((done) => setTimeout(done, 60000));'),
    ],
    ['exports nothing', 'NO_MIDDLEWARE', () => plugin('empty', 'export const nothing = 1;')],
    ['has no phase', 'NO_MIDDLEWARE', () => plugin('idle', 'export default () => ({ init() {} });')],
    [
      'has bad options',
      'NO_MIDDLEWARE',
      () => plugin('odd', `export default () => ({ preHandle() {}, priority: 'first' });`),
    ],
    ['throws in init', 'INIT_FAILED', () => plugin('broken', withInit(`throw new Error('in init');`))],
    [
      'rejects in init',
      'INIT_FAILED',
      () => plugin('rejecting', withInit(`return Promise.reject(new Error('later'));`)),
    ],
    ['hangs in init', 'INIT_FAILED', () => plugin('hanging', withInit('return new Promise(() => {});'))],
    [
      'has the name of another middleware',
      'DUPLICATE_NAME',
      () => ({ ...plugin('twin', GREETER), name: 'own' }),
    ],
    ['has bad settings', 'BAD_SETTINGS', () => plugin('unset', GREETER, { settings: { colour: 'red' } })],
    ['leaves its folder', 'OUTSIDE', () => ({ name: 'up', file: '../up.mjs', sha256: 'ab'.repeat(32) })],
    [
      'has an absolute path',
      'OUTSIDE',
      () => ({ name: 'root', file: '/tmp/root.mjs', sha256: 'ab'.repeat(32) }),
    ],
    [
      'leaves its folder by a link',
      'OUTSIDE',
      () => {
        writeFileSync(join(folder, 'outside.mjs'), GREETER);
        symlinkSync(join(folder, 'outside.mjs'), join(folder, 'plugins', 'linked.mjs'));
        return {
          name: 'linked',
          file: 'linked.mjs',
          sha256: createHash('sha256').update(GREETER).digest('hex'),
        };
      },
    ],
    [
      'is no package',
      'NOT_FOUND',
      () => ({ name: 'nowhere', package: '@acme/nowhere', sha256: 'ab'.repeat(32) }),
    ],
  ])('%s', async (_case, reason, make) => {
    const good = plugin('good', GREETER);
    const entry = make() as { name: string };
    const { status, body, names } = await reload([entry, good]);
    expect([status, names]).toEqual([200, ['good', 'own']]);
    expect(body.refused).toMatchObject([{ name: entry.name, reason, keepsFormer: false }]);
    expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hello');
    const told = lines.findLast(({ msg }) => msg === 'plugin refused; the service goes on without it');
    expect(told).toMatchObject({ level: 'error', plugin: entry.name, reason });
    const scrape = await Scrape.of(app);
    expect(scrape.sum('middleware_plugins_refused')).toBe(1);
    const phase = reason === 'INIT_FAILED' ? 'init' : 'load';
    expect(scrape.sum('middleware_errors_total', { middleware: entry.name, phase })).toBeGreaterThan(0);
  });

  test('is replaced by a bad one: the former goes on', async () => {
    await reload([plugin('kept', GREETER)]);
    const { body, names } = await reload([plugin('kept', withInit(`throw new Error('worse');`))]);
    expect(names).toEqual(['kept', 'own']);
    expect(body.refused).toMatchObject([{ name: 'kept', reason: 'INIT_FAILED', keepsFormer: true }]);
    expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hello');
  });
});

test.each<[string, string, RegExp]>([
  ['is no YAML', '{ plugins: [', /is neither YAML nor JSON/],
  ['has unknown keys', '{"plugin":[]}', /is not valid/],
  [
    'lists a name twice',
    JSON.stringify({ plugins: [1, 2].map(() => ({ name: 'a', file: 'a.mjs', sha256: 'ab'.repeat(32) })) }),
    /plugins\.1\.name/,
  ],
  [
    'has a malformed hash',
    '{"plugins":[{"name":"a","file":"a.mjs","sha256":"ab"}]}',
    /64 hexadecimal digits/,
  ],
  [
    'has neither file nor package',
    `{"plugins":[{"name":"a","sha256":"${'ab'.repeat(32)}"}]}`,
    /file or package/,
  ],
])('a manifest that %s changes nothing', async (_case, text, message) => {
  const sha256 = writePlugin('greeter.mjs', GREETER);
  await reload([{ name: 'greeter', file: 'greeter.mjs', sha256 }]);
  writeFileSync(manifest(), text);
  const { status, body } = await app.management.post('/middlewares/reload');
  expect([status, body.reason]).toEqual([400, 'PLUGINS_MANIFEST_REFUSED']);
  expect(body.detail).toMatch(message);
  expect((await app.http.get('/probe/echo')).headers.get('x-greeting')).toBe('hello');
});

test('plugin:hash prints what a manifest needs, or what is wrong', { timeout: 120_000 }, async () => {
  await buildOnce();
  const sha256 = writePlugin('greeter.mjs', GREETER);
  const hash = (...args: string[]) => run(process.execPath, [HASH_COMMAND, ...args]);
  expect((await hash(join(folder, 'plugins', 'greeter.mjs'))).stdout).toBe(`${sha256}\n`);
  // npm starts its scripts in the project's folder; what is meant stands in the manifest's.
  const script = ['--prefix', PROJECT, 'run', '--silent', 'plugin:hash', '--', 'greeter.mjs'];
  expect((await run('npm', script, { cwd: join(folder, 'plugins') })).stdout).toBe(`${sha256}\n`);
  await expect(hash(join(folder, 'none.mjs'))).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not there'),
  });
  await expect(hash()).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('npm run plugin:hash -- <file>'),
  });
});
