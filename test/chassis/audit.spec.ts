import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { AuditRecorder } from '#chassis/audit';
import { service } from '../../src/app.module.js';
import {
  AuditedProbeModule,
  AuditedService,
  ProbeGuard,
  readTrail,
  type AuditLine,
} from '../support/audited-probe.js';
import { eventually, holdTable, order, Probes, SHAPES, TestApp } from '../support/index.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { frame, RawGrpcClient, type RawGrpcOptions } from '../support/raw-grpc.js';
import { Scrape } from '../support/scrape.js';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'));
  folders.push(folder);
  return folder;
}

function start(directory: string, config: Record<string, unknown> = {}): Promise<TestApp> {
  return TestApp.start({
    service: { ...service, module: AuditedProbeModule },
    config: { AUDIT_SINK: 'file', AUDIT_DIR: directory, AUDIT_ANCHOR_INTERVAL_MS: 0, ...config },
  });
}

describe('an entry of an audited call', () => {
  let app: TestApp;
  let directory: string;
  let before = 0;
  beforeAll(async () => {
    directory = newFolder();
    app = await start(directory);
  });
  afterAll(() => app.stop());
  beforeEach(() => {
    before = readTrail(directory).length;
  });

  const added = (): AuditLine[] => readTrail(directory).slice(before);

  test.each(SHAPES)('over $name is in the file when the answer is there', async ({ call, isGrpc, name }) => {
    const headers = { 'x-who': 'alice', 'x-request-id': 'request-7' };
    expect((await call(app, 'echo', { headers })).answers).toContain('echo');
    const entry = added().at(-1);
    expect(entry).toMatchObject({
      kind: 'entry',
      action: 'probe.run',
      principal: { id: 'alice', scheme: 'api-key', tenant: 'acme' },
      result: 'ok',
      transport: isGrpc ? 'grpc' : 'http',
      requestId: 'request-7',
      clientIp: '127.0.0.1',
    });
    expect(entry?.['traceId']).toMatch(/^[0-9a-f]{32}$/);
    const phases = added().map((line) => line['phase']);
    expect(phases).toEqual(/server|bidi/.test(name) ? ['begin', 'end'] : [undefined]);
  });

  test.each(SHAPES)('over $name tells why the work failed', async ({ call }) => {
    expect(await call(app, 'refuse')).toMatchObject({ reason: 'PROBE_REFUSED' });
    expect(added().at(-1)).toMatchObject({ result: 'FAILED_PRECONDITION', reason: 'PROBE_REFUSED' });
    expect(await call(app, 'fail')).toMatchObject({ code: 'INTERNAL' });
    expect(added().at(-1)).toMatchObject({ result: 'INTERNAL', reason: 'INTERNAL' });
    expect(JSON.stringify(added())).not.toContain('secret of the inside');
  });

  test.each(SHAPES)('over $name is there for a caller whom a guard refused, once', async ({ call }) => {
    const { runs } = app.get(AuditedService);
    for (const code of ['UNAUTHENTICATED', 'PERMISSION_DENIED']) {
      const seen = added().length;
      expect(await call(app, 'echo', { headers: { 'x-refuse': code } })).toMatchObject({ code });
      expect(added().slice(seen)).toMatchObject([
        { action: 'probe.run', result: code, reason: 'PROBE_DENIED' },
      ]);
    }
    expect(app.get(AuditedService).runs).toBe(runs);
  });

  test.each(SHAPES.filter(({ name }) => /REST|unary|client/.test(name)))(
    'over $name is that of a refusal alone where a guard let the call in after its deadline: no work was done',
    async ({ call }) => {
      const { runs } = app.get(AuditedService);
      const { held } = app.get(ProbeGuard);
      const headers = { 'x-hold': 'until the test lets it in' };
      expect(await call(app, 'echo', { headers, timeoutMs: 50 })).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      await eventually('the refusal has its entry', () => added().length === 1);
      held.pop()?.();
      await call(app, 'echo');
      expect(app.get(AuditedService).runs).toBe(runs + 1);
      expect(added()).toMatchObject([
        { action: 'probe.run', result: 'DEADLINE_EXCEEDED' },
        { action: 'probe.run', result: 'ok' },
      ]);
    },
  );

  test.each(SHAPES.filter(({ name }) => /REST|unary|server/.test(name)))(
    'over $name is there for input that the schema refused',
    async ({ call }) => {
      expect(await call(app, 'NOT A WORD')).toMatchObject({ reason: 'VALIDATION_FAILED' });
      expect(added()).toMatchObject([{ result: 'INVALID_ARGUMENT', reason: 'VALIDATION_FAILED' }]);
    },
  );

  test('is there for a body that is no JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await app.http.send('/probe', { method: 'POST', headers, body: '{' })).status).toBe(400);
    expect(added()).toMatchObject([
      { route: '/probe', result: 'INVALID_ARGUMENT', reason: 'MALFORMED_BODY' },
    ]);
  });

  describe('is there for an rpc that was refused', () => {
    const good = Probes.unary.requestSerialize(order('echo'));
    const malformed = frame(Buffer.from([0x0f, 0x12, 0x34]));
    const tooLarge = { body: frame(good, { length: 0xffffffff }), keepOpen: true };
    let raw: RawGrpcClient;
    beforeEach(() => {
      raw = new RawGrpcClient(app.grpc.address);
    });
    afterEach(() => raw.close());

    test.each([
      ['a unary', Probes.unary.path, {}],
      ['a compressed unary', Probes.unary.path, { 'grpc-encoding': 'gzip' }],
      ['a server-streaming', Probes.serverStream.path, {}],
    ])('by the parser, once, when the answer to %s call is there', async (_, path, headers) => {
      await raw.call(path, { headers, body: malformed });
      const refusal = {
        rpc: path.slice(1),
        result: 'INVALID_ARGUMENT',
        reason: 'MALFORMED_MESSAGE',
      };
      expect(added()).toMatchObject([refusal]);
      await raw.call(Probes.unary.path, { body: frame(good) });
      expect(added()).toMatchObject([refusal, { result: 'ok' }]);
    });

    test.each<[string, string, RawGrpcOptions, string, string]>([
      ['for its size', Probes.unary.path, tooLarge, 'RESOURCE_EXHAUSTED', 'BODY_TOO_LARGE'],
      [
        'for its size, by grpc-js',
        Probes.serverStream.path,
        tooLarge,
        'RESOURCE_EXHAUSTED',
        'BODY_TOO_LARGE',
      ],
      [
        'for a malformed deadline',
        Probes.unary.path,
        { headers: { 'grpc-timeout': 'soon' }, body: frame(good) },
        'INVALID_ARGUMENT',
        'MALFORMED_DEADLINE',
      ],
      [
        'because its deadline came before its end',
        Probes.serverStream.path,
        { headers: { 'grpc-timeout': '20m' }, body: Buffer.alloc(3), keepOpen: true },
        'DEADLINE_EXCEEDED',
        'DEADLINE_EXCEEDED',
      ],
      ['for having no message', Probes.unary.path, {}, 'UNIMPLEMENTED', 'NOT_ONE_MESSAGE'],
    ])('%s', async (_, path, options, result, reason) => {
      await raw.call(path, options);
      await eventually('it has its entry', () => added().length > 0);
      expect(added()).toMatchObject([{ action: 'probe.run', rpc: path.slice(1), result }]);
      expect(added()[0]?.['reason']).toBe(reason);
    });
  });

  test('is left to the method below that records the same action, with its own target', async () => {
    await app.http.post('/probe', order('below'));
    expect(added()).toMatchObject([
      { phase: 'begin', target: 'of-below' },
      { phase: 'end', target: 'of-below', result: 'ok' },
    ]);
  });

  test('written by hand bears the call; secrets are redacted', async () => {
    await app.grpc.unary(Probes.unary, order('by-hand'), { metadata: { 'x-who': 'alice' } });
    expect(added()).toMatchObject([
      {
        action: 'probe.by-hand',
        target: 'hand',
        rpc: 'probe.v1.ProbeService/Unary',
        principal: { id: 'alice' },
        detail: { password: '[redacted]', deep: { Token: '[redacted]', kept: '1' } },
      },
      { action: 'probe.run' },
    ]);
  });

  test('tells of a stream whose client has left', async () => {
    const stream = app.grpc.serverStream(Probes.serverStream, order('endless')).on('error', () => {});
    await stream[Symbol.asyncIterator]().next();
    stream.cancel();
    await eventually('the end has its entry', () => added().length === 2);
    expect(added()).toMatchObject([{ phase: 'begin' }, { phase: 'end', result: 'CANCELLED' }]);
  });

  describe.each(['stream', 'StreamableFile', 'Response'])('of an answer that REST streams as %s', (kind) => {
    const read = (how: string) => fetch(`${app.http.url}/probe/${kind}/${how}`);

    test('tells of its end', async () => {
      expect(await (await read('end')).text()).toBe('0\n1\n');
      expect(added()).toMatchObject([
        { action: 'probe.stream', target: 'end', phase: 'begin', result: 'ok' },
        { action: 'probe.stream', target: 'end', phase: 'end', result: 'ok' },
      ]);
    });

    test('tells what it failed with half-way', async () => {
      await expect((await read('failure')).text()).rejects.toThrow();
      expect(added()).toMatchObject([{ phase: 'begin' }, { phase: 'end', result: 'INTERNAL' }]);
    });

    test('tells what a stream of Node failed with before anybody read it', async () => {
      expect((await read('file')).status).toBe(500);
      expect(added()).toMatchObject([{ phase: 'begin' }, { phase: 'end', result: 'INTERNAL' }]);
    });

    test('tells of a client that has left', async () => {
      const { body } = await read('endless');
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel();
      await eventually('the end has its entry', () => added().length === 2);
      expect(added()).toMatchObject([{ phase: 'begin' }, { phase: 'end', result: 'CANCELLED' }]);
    });

    test('tells that nobody has read it', async () => {
      expect((await app.http.send(`/probe/${kind}/end`, { method: 'HEAD' })).status).toBe(200);
      await eventually('the end has its entry', () => added().length === 2);
      expect(added()).toMatchObject([{ phase: 'begin' }, { phase: 'end', result: 'CANCELLED' }]);
    });
  });

  test('of an async generator frames what it yields', async () => {
    const seen: unknown[] = [];
    for await (const value of app.get(AuditedService).iterate(2)) seen.push(value, added().length);
    expect(seen).toEqual([0, 1, 1, 1]);
    expect(added().map((line) => line['phase'])).toEqual(['begin', 'end']);
  });

  test('tells of changes on the management port, and of who was refused', async () => {
    const init = { method: 'PUT', headers: { 'content-type': 'application/json', 'x-operator': 'bob' } };
    await app.management.send('/loggers', { ...init, body: '{"level":"silent"}' });
    await app.management.send('/loggers', { ...init, body: '{"level":"loud"}' });
    await app.management.get('/loggers');
    const change = {
      action: 'management.change',
      target: 'PUT /loggers',
      operator: { by: 'loopback', name: 'bob' },
    };
    expect(added()).toMatchObject([
      { ...change, result: 'ok', detail: { body: { level: 'silent' } } },
      { ...change, result: 'INVALID_ARGUMENT', reason: 'VALIDATION_FAILED' },
    ]);
  });
});

test('ten thousand entries at once are all there, in one chain, in order', async () => {
  const directory = newFolder();
  const app = await start(directory, { AUDIT_SYNC: 'os', AUDIT_ROTATE_BYTES: 512 * 1024 });
  const recorder = app.get(AuditRecorder);
  const targets = Array.from({ length: 10_000 }, (_, index) => String(index));
  await Promise.all(targets.map((target) => recorder.record({ action: 'probe.many', target })));
  const written = readTrail(directory);
  await app.stop();
  expect(written.filter(({ kind }) => kind === 'entry').map(({ target }) => target)).toEqual(targets);
  expect(readTrail(directory).map(({ seq }) => seq)).toEqual(
    readTrail(directory).map((_, index) => index + 1),
  );
  const files = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  expect(files.length).toBeGreaterThan(3);
  expect(written.filter(({ kind }) => kind === 'segment')).toHaveLength(files.length);
});

test('a service that starts again goes on with its chain; one beside it has its own', async () => {
  const directory = newFolder();
  const first = await start(directory);
  const second = await start(directory);
  for (const app of [first, second]) await app.http.post('/probe', order('echo'));
  await first.stop();
  const third = await start(directory);
  await third.http.post('/probe', order('echo'));
  await Promise.all([second.stop(), third.stop()]);
  const kinds = readTrail(directory).map(({ seq, kind }) => `${String(seq)} ${String(kind)}`);
  const once = ['1 segment', '2 start', '3 entry', '4 stop'];
  expect(kinds).toEqual([...once, '5 start', '6 entry', '7 stop', ...once]);
});

test('beyond AUDIT_REFUSALS_PER_SECOND refused calls are counted in one entry', async () => {
  const directory = newFolder();
  const app = await start(directory, { AUDIT_REFUSALS_PER_SECOND: 2 });
  const headers = { 'x-refuse': 'UNAUTHENTICATED' };
  const calls = Array.from({ length: 20 }, () => app.http.post('/probe', order('echo'), headers));
  for (const { status } of await Promise.all(calls)) expect(status).toBe(401);
  await app.stop();
  const lines = readTrail(directory);
  const told = lines
    .filter(({ kind }) => kind === 'omission')
    .reduce((sum, line) => sum + Number(line['refusals']), 0);
  expect(lines.filter(({ kind }) => kind === 'entry').length + told).toBe(20);
  expect(told).toBeGreaterThan(0);
});

describe('on the management port', () => {
  /** Refused by the edge, whoever sends it. */
  const MALFORMED = { 'x-request-timeout-ms': 'abc', 'x-operator': 'alice' };
  const TOKEN = { authorization: 'Bearer of-the-test' };
  let app: TestApp;
  let directory: string;
  const startWith = async (config: Record<string, unknown>): Promise<void> => {
    directory = newFolder();
    app = await start(directory, config);
  };
  const changes = (): AuditLine[] =>
    readTrail(directory).filter(({ action }) => action === 'management.change');
  afterEach(() => app.stop());

  test('nobody is said to have proved what nobody has looked at', async () => {
    await startWith({ MANAGEMENT_TOKEN: 'of-the-test' });
    const change = { level: 'silent' };
    const tooMany = `/loggers?${Array.from({ length: 101 }, (_, index) => `a${index}=1`).join('&')}`;
    expect((await app.management.post('/loggers', change, MALFORMED)).status).toBe(400);
    expect((await app.management.post(tooMany, change)).status).toBe(400);
    expect((await app.management.post('/loggers', change, TOKEN)).status).toBe(405);
    const [malformed, many, allowed] = changes();
    expect(malformed).toMatchObject({
      operator: { by: 'nobody', name: 'alice' },
      result: 'INVALID_ARGUMENT',
      reason: 'MALFORMED_DEADLINE',
    });
    expect(many).toMatchObject({ operator: { by: 'nobody' } });
    expect([malformed, many].filter((entry) => entry && 'detail' in entry)).toEqual([]);
    expect(allowed).toMatchObject({ operator: { by: 'token' }, detail: { body: change } });
  });

  test('what nobody has proved cannot fill the disk', async () => {
    await startWith({ AUDIT_REFUSALS_PER_SECOND: 2 });
    const calls = Array.from({ length: 20 }, () => app.management.post('/drain', undefined, MALFORMED));
    for (const { status } of await Promise.all(calls)) expect(status).toBe(400);
    expect(changes().length).toBeLessThan(20);
    expect(changes()[0]).toMatchObject({ operator: { by: 'nobody', name: 'alice' } });
  });
});

test('files that are taken away while they are written are found out', async () => {
  const directory = newFolder();
  const app = await start(directory, { HEALTH_INTERVAL_MS: 20 });
  await app.http.post('/probe', order('echo'));
  const name = readdirSync(directory).find((file) => file.endsWith('.jsonl')) ?? '';
  renameSync(join(directory, name), join(directory, 'elsewhere'));
  await eventually('the trail goes on in a new file', () =>
    readTrail(directory).some(({ kind }) => kind === 'outage'),
  );
  await app.stop();
  expect(readTrail(directory)[0]).toMatchObject({ kind: 'segment', seq: 4 });
});

describe('the database', () => {
  let url: string;
  let app: TestApp;
  const entries = async (): Promise<AuditLine[]> =>
    (await runOn(url, 'select line from audit_entries order by seq')).map(
      ({ line }) => JSON.parse(line as string) as AuditLine,
    );
  const startWith = async (config: Record<string, unknown> = {}, isolation?: string): Promise<void> => {
    url = await createDatabase(inject('postgresUrl'));
    if (isolation) {
      const name = new URL(url).pathname.slice(1);
      await runOn(url, `alter database ${name} set default_transaction_isolation = '${isolation}'`);
    }
    app = await start('', { AUDIT_SINK: 'database', DATABASE_URL: url, AUDIT_RETRY_MS: 50, ...config });
  };
  afterEach(() => app.stop());

  test('no call of any shape is answered before its entry is committed', async () => {
    await startWith();
    await using held = await holdTable(url, 'audit_entries');
    let answered = 0;
    const calls = SHAPES.map(async ({ call }) => {
      const outcome = await call(app, 'echo');
      answered += 1;
      return outcome;
    });
    await eventually(
      'REST, unary and client stream are done but for the entry',
      () => app.get(AuditedService).runs >= 3,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(0);
    await held.release();
    for (const { answers } of await Promise.all(calls)) expect(answers).toContain('echo');
    expect((await entries()).filter(({ kind }) => kind === 'entry')).toHaveLength(7);
  });

  test.each(['read committed', 'serializable'])('two instances write one chain (%s)', async (isolation) => {
    await startWith({}, isolation);
    const other = await start('', { AUDIT_SINK: 'database', DATABASE_URL: url });
    for (let round = 0; round < 10; round++) {
      const calls = [app, other, app, other].map((each) => each.http.post('/probe', order('echo')));
      for (const { status } of await Promise.all(calls)) expect(status).toBe(201);
    }
    await other.stop();
    expect((await entries()).at(-1)).toMatchObject({ kind: 'stop' });
    await app.stop();
    const lines = await entries();
    expect(lines.filter(({ kind }) => kind === 'stop')).toHaveLength(2);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
    for (const [index, line] of lines.entries())
      if (index > 0) expect(line['previous']).toBe(lines[index - 1]?.['hash']);
    expect(lines.filter(({ kind }) => kind === 'entry')).toHaveLength(40);
  });

  test('is insert-only', async () => {
    await startWith();
    await expect(runOn(url, 'update audit_entries set line = line')).rejects.toThrow('insert-only');
    await expect(runOn(url, 'delete from audit_entries')).rejects.toThrow('insert-only');
    await expect(runOn(url, 'truncate audit_entries')).rejects.toThrow('insert-only');
  });

  test('refuse: while it hangs audited calls answer UNAVAILABLE before they work, and nothing done is lost', async () => {
    await startWith({ AUDIT_TIMEOUT_MS: 200, HEALTH_INTERVAL_MS: 20 });
    const held = await holdTable(url, 'audit_entries');
    expect(await app.http.post('/probe', order('echo'))).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE' },
    });
    const { runs } = app.get(AuditedService);
    for (const { call } of SHAPES)
      expect(await call(app, 'echo')).toMatchObject({ reason: 'AUDIT_UNAVAILABLE' });
    expect(app.get(AuditedService).runs).toBe(runs);
    await eventually(
      'the instance is not ready',
      async () => (await app.management.get('/readyz')).status === 503,
    );
    const scrape = await Scrape.of(app);
    expect(scrape.find('audit_sink_up')[0]?.value).toBe(0);
    expect(scrape.find('audit_entries_total', { result: 'refused' })[0]?.value).toBe(SHAPES.length);
    await held.release();
    await eventually('it is ready again', async () => (await app.management.get('/readyz')).status === 200);
    expect((await app.http.post('/probe', order('echo'))).status).toBe(201);
    const told = await entries();
    expect(told.filter(({ kind }) => kind === 'entry')).toHaveLength(2);
    expect(told.filter(({ kind }) => kind === 'outage')).toMatchObject([{ refused: SHAPES.length, lost: 0 }]);
  });

  test('allow: while it hangs calls go on, wait for nothing, and their entries come later', async () => {
    await startWith({ AUDIT_TIMEOUT_MS: 200, AUDIT_ON_FAILURE: 'allow' });
    const held = await holdTable(url, 'audit_entries');
    for (const { call } of SHAPES) expect((await call(app, 'echo')).answers).toContain('echo');
    expect(await entriesNow(url)).toBe('held');
    await held.release();
    await eventually('all entries are there', async () => {
      return (await entries()).filter(({ kind }) => kind === 'entry').length === 7;
    });
  });
});

/** What somebody else sees of the table at this moment. */
async function entriesNow(url: string): Promise<string> {
  return runOn(url, "set lock_timeout = '50ms'; select count(*) from audit_entries").then(
    () => 'free',
    () => 'held',
  );
}
