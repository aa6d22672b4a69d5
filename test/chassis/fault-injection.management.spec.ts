import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ChassisConfig } from '#chassis/config';
import { beginFault, endFaults, faultsOf } from '../support/faulty.js';
import { eventually, order, TestApp } from '../support/index.js';
import { Limited, limitsService } from '../support/limits.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { Scrape } from '../support/scrape.js';

type Line = Readonly<Record<string, unknown>>;

const CONFIGURED = { id: 'configured', kind: 'latency', delayMs: 1, routes: ['/limits/warm'] };

let receiver: OtlpReceiver;
let app: TestApp;
const lines: Line[] = [];
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    service: limitsService,
    logTo: { write: (line) => void lines.push(JSON.parse(line) as Line) },
    config: {
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
      CHAOS_FAULTS: JSON.stringify([CONFIGURED]),
      CHAOS_MAX_DURATION_MS: 120_000,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
      OTEL_BSP_SCHEDULE_DELAY: 20,
    },
  });
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});
afterEach(async () => {
  await endFaults(app);
  lines.length = 0;
});

const post = (fault: unknown) => app.management.post('/chaos', fault);
const abort = { kind: 'abort', code: 'UNAVAILABLE', routes: ['*'], rpcs: ['*'] };
const free = () => app.http.get('/limits/free');

test('CHAOS_FAULTS begin with the service and last until somebody ends them', async () => {
  expect((await app.management.get('/chaos')).body).toMatchObject({
    isAllowed: true,
    maxDurationMs: 120_000,
    faults: [{ ...CONFIGURED, percentage: 100, source: 'configuration', until: null }],
  });
  expect((await Scrape.of(app)).sum('chaos_faults_active')).toBe(1);
  expect((await app.management.send('/chaos/configured', { method: 'DELETE' })).status).toBe(204);
  expect(await faultsOf(app)).toEqual([]);
  expect((await app.management.send('/chaos/configured', { method: 'DELETE' })).body).toMatchObject({
    status: 404,
    reason: 'CHAOS_FAULT_NOT_FOUND',
  });
});

test('POST begins a fault until its end; one id is one fault', async () => {
  const { status, body } = await post({ ...abort, id: 'mine', durationMs: 60_000 });
  expect({ status, body }).toMatchObject({ status: 201, body: { id: 'mine', source: 'management' } });
  const leftMs = Date.parse(body.until) - Date.now();
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(60_000);
  expect((await post({ ...abort, id: 'mine', durationMs: 1000 })).body).toMatchObject({
    status: 409,
    reason: 'CHAOS_FAULT_EXISTS',
  });
  const named = await post({ ...abort, until: new Date(Date.now() + 60_000).toISOString() });
  expect(named.body.id).toMatch(/^abort-[0-9a-f]{8}$/);
  expect((await app.management.send('/chaos', { method: 'DELETE' })).status).toBe(204);
  expect(await faultsOf(app)).toEqual([]);
});

test('a fault ends in its time', async () => {
  await beginFault(app, { ...abort, id: 'short', durationMs: 150 });
  expect((await free()).status).toBe(503);
  await eventually('it has ended', async () => (await free()).status === 200);
  expect(await faultsOf(app)).toEqual([]);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: 'fault injection ended', cause: 'expired' }),
  );
});

test('log, trace and metric tell of every fault', async () => {
  await beginFault(app, { kind: 'latency', delayMs: 1, id: 'slow', routes: ['*'], rpcs: ['*'] });
  await beginFault(app, { ...abort, id: 'no' });
  await receiver.forget();
  await free();
  await app.grpc.unary(Limited.heavy, order('echo')).catch(() => undefined);
  const calls = () => lines.filter(({ msg, chaos }) => msg === 'call' && chaos !== undefined);
  await eventually('both lines are there', () => calls().length === 2);
  for (const line of calls()) expect(line).toMatchObject({ chaos: 'slow,no', reason: 'FAULT_INJECTED' });
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: 'fault injection began', source: 'management' }),
  );
  const spans = await receiver.find('both calls', ({ events }) => events.length > 0, 2);
  for (const [index, target] of ['http', 'grpc'].entries())
    expect(spans[index]?.events.filter(({ name }) => name === 'chaos.fault')).toMatchObject([
      {
        attributes: { 'chaos.fault.id': 'slow', 'chaos.fault.kind': 'latency', 'chaos.fault.target': target },
      },
      { attributes: { 'chaos.fault.id': 'no', 'chaos.fault.kind': 'abort', 'chaos.fault.target': target } },
    ]);
  expect((await Scrape.of(app)).sum('chaos_faults_active')).toBe(2);
});

describe('bad input', () => {
  const timed = { durationMs: 1000 };
  test.each<[string, unknown, string[]]>([
    ['nothing', {}, ['kind', 'routes', 'durationMs']],
    ['a list', [], ['']],
    ['an unknown kind', { ...abort, ...timed, kind: 'explode' }, ['kind']],
    ['an unknown field', { ...abort, ...timed, delay: 5 }, ['']],
    ['a code that is none', { ...abort, ...timed, code: '503' }, ['code']],
    ['no target', { ...timed, kind: 'abort', code: 'INTERNAL' }, ['routes']],
    ['empty patterns', { ...abort, ...timed, routes: [] }, ['routes']],
    ['methods of rpcs', { ...abort, ...timed, routes: undefined, methods: ['GET'] }, ['methods']],
    ['no percentage', { ...abort, ...timed, percentage: 0 }, ['percentage']],
    ['too much percentage', { ...abort, ...timed, percentage: 100.1 }, ['percentage']],
    ['no end', abort, ['durationMs']],
    ['two ends', { ...abort, ...timed, until: '2099-01-01T00:00:00Z' }, ['until', 'until']],
    ['an end in the past', { ...abort, until: '2020-01-01T00:00:00Z' }, ['until']],
    ['an end that is no time', { ...abort, until: 'soon' }, ['until']],
    ['a long time', { ...abort, durationMs: 120_001 }, ['durationMs']],
    ['a call that is unavailable', { kind: 'unavailable', routes: ['*'], ...timed }, ['dependencies']],
    ['a cut database', { kind: 'cut', dependencies: ['database'], ...timed }, ['dependencies']],
    ['a bad id', { ...abort, ...timed, id: 'a/b' }, ['id']],
    ['a bad header', { ...abort, ...timed, header: { name: 'x y' } }, ['header.name']],
    [
      'everything at once',
      { kind: 'latency', delayMs: 0, jitterMs: -1, percentage: 'all', rpcs: 'x', until: 1, color: 'red' },
      ['', 'delayMs', 'jitterMs', 'percentage', 'rpcs', 'until'],
    ],
  ])('%s is refused with every fault', async (_name, fault, paths) => {
    const { status, body } = await post(fault);
    expect({ status, reason: body.reason }).toEqual({ status: 400, reason: 'VALIDATION_FAILED' });
    const found = body.errors.map(({ path }: { path: string }) => path);
    expect(found.toSorted()).toEqual(paths.toSorted());
    expect(await faultsOf(app)).toEqual([]);
  });
});

describe('in the configuration', () => {
  const change = async (values: Partial<Record<keyof ChassisConfig, unknown>>) => {
    const { config } = app.service;
    const keys = config.describe().map(({ key }) => key as keyof ChassisConfig);
    const now = Object.fromEntries(keys.map((key) => [key, config.get(key)]));
    return config.change({ ...now, ...values } as ChassisConfig, new Map());
  };
  const fault = (id: string) => ({ ...abort, id, percentage: 100 });

  test('faults follow a change; what has not changed goes on, and those of operators stay', async () => {
    await change({ CHAOS_FAULTS: [fault('one'), fault('two')] });
    await beginFault(app, { ...abort, id: 'by-hand' });
    await app.management.send('/chaos/one', { method: 'DELETE' });
    await change({ CHAOS_FAULTS: [fault('one'), { ...fault('two'), code: 'ABORTED' }, fault('three')] });
    const ids = (await faultsOf(app)).map(({ id }) => id);
    // The operator ended "one", and its line has not changed.
    expect(ids.toSorted()).toEqual(['by-hand', 'three', 'two']);
    await change({ CHAOS_FAULTS: [] });
    expect((await faultsOf(app)).map(({ id }) => id)).toEqual(['by-hand']);
  });

  test('production has none unless they are allowed, and loses them when they no longer are', async () => {
    await expect(change({ APP_ENV: 'production', CHAOS_FAULTS: [fault('one')] })).rejects.toThrow(
      'set CHAOS_ALLOWED=true',
    );
    expect(await faultsOf(app)).toEqual([]);
    await change({ APP_ENV: 'production', CHAOS_ALLOWED: 'true', CHAOS_FAULTS: [fault('one')] });
    expect(await faultsOf(app)).toHaveLength(1);
    await change({ APP_ENV: 'production', CHAOS_ALLOWED: 'false', CHAOS_FAULTS: [] });
    expect(await faultsOf(app)).toEqual([]);
    expect((await post({ ...abort, durationMs: 1000 })).body).toMatchObject({
      status: 403,
      code: 'FAILED_PRECONDITION',
      reason: 'CHAOS_NOT_ALLOWED',
    });
    await change({ APP_ENV: 'test' });
    expect((await post({ ...abort, durationMs: 1000 })).status).toBe(201);
  });

  test('a start in production with faults says what to do', async () => {
    const config = { APP_ENV: 'production', AUDIT_SINK: 'none', CHAOS_FAULTS: [fault('one')] };
    await expect(TestApp.start({ service: limitsService, config })).rejects.toThrow(
      /CHAOS_FAULTS \(from .*\): no fault is injected in production\. Remove them, or set CHAOS_ALLOWED=true/,
    );
  });

  test('faults that are not valid are told all together', async () => {
    const faults = [{ kind: 'cut', routes: ['*'] }, fault('same'), fault('same'), { id: 'x', kind: 'abort' }];
    const start = TestApp.start({ service: limitsService, config: { CHAOS_FAULTS: faults } });
    const message = await start.then(String, (error: Error) => error.message);
    for (const place of ['CHAOS_FAULTS.0.id', 'CHAOS_FAULTS.3.code', 'CHAOS_FAULTS.3.routes'])
      expect(message).toContain(place);
    const twice = TestApp.start({ service: limitsService, config: { CHAOS_FAULTS: faults.slice(1, 3) } });
    await expect(twice).rejects.toThrow(
      'CHAOS_FAULTS.1.id (from override): must be an id that no other fault has',
    );
  });
});
