import { Metadata } from '@grpc/grpc-js';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Config } from '#chassis/config';
import { PolicyRegistry } from '#chassis/resilience';
import { Dependency, Guarded, guardedService, Prices } from '../support/guarded.js';
import { decodeFailure, eventually, failureOf, order, TestApp } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { Scrape } from '../support/scrape.js';

const SERVER = 2;
const lines: Record<string, unknown>[] = [];
let receiver: OtlpReceiver;
let shadow: Server;
let shadowDelayMs = 0;
let app: TestApp;
let dependency: Dependency;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  shadow = createServer((request, response) => {
    const reason = `shadow-of-${String(request.headers['x-for'])}`;
    setTimeout(() => response.end(JSON.stringify({ reason, domain: '', metadata: {} })), shadowDelayMs);
  });
  await new Promise<void>((resolve) => shadow.listen(0, '127.0.0.1', resolve));
  app = await TestApp.start({
    service: guardedService,
    config: {
      LOG_LEVEL: 'info',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
      OTEL_BSP_SCHEDULE_DELAY: 20,
      RESILIENCE_POLICIES: [],
    },
    logTo: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  dependency = app.get(Dependency);
  dependency.shadowUrl = `http://127.0.0.1:${(shadow.address() as AddressInfo).port}/`;
  // The first request of a process takes longer than any step has.
  await fetch(dependency.shadowUrl);
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
  shadow.closeAllConnections();
  shadow.close();
});
beforeEach(async () => {
  dependency.next.length = 0;
  dependency.calls = 0;
  shadowDelayMs = 0;
  app.get(Prices).snapshot = undefined;
  lines.length = 0;
  await receiver.forget();
  await configure([]);
  for (const managed of app.get(PolicyRegistry).policies) managed.resetBreaker();
});

/** New values for RESILIENCE_POLICIES, as a source of configuration gives them. */
async function configure(policies: unknown): Promise<void> {
  const config: Config = app.service.config;
  const values = Object.fromEntries(config.describe().map(({ key }) => [key, config.get(key as 'HOST')]));
  await config.change({ ...values, RESILIENCE_POLICIES: policies } as never, new Map());
}

interface Answer {
  readonly reason: string;
  readonly fallback: string | undefined;
}

/** A unary call with its initial metadata. */
function unary(rpc: typeof Guarded.price, caller?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let initial: Metadata | undefined;
    const call = app.grpc.client.makeUnaryRequest(
      rpc.path,
      rpc.requestSerialize,
      rpc.responseDeserialize,
      order('echo'),
      toMetadata(caller),
      (error, value) => {
        if (error) reject(error);
        else resolve({ reason: value?.reason ?? '', fallback: initial?.get('x-fallback')[0] as string });
      },
    );
    call.on('metadata', (metadata: Metadata) => void (initial = metadata));
  });
}

function toMetadata(caller: string | undefined): Metadata {
  const metadata = new Metadata();
  if (caller !== undefined) metadata.set('x-caller', caller);
  return metadata;
}

const TRANSPORTS = [
  {
    transport: 'REST',
    ask: async (path: 'ask' | 'price' | 'plain', caller?: string): Promise<Answer> => {
      const { status, body, headers } = await app.http.get(
        `/guarded/${path}`,
        caller === undefined ? {} : { 'x-caller': caller },
      );
      if (status !== 200) throw new Refused(body.code as string, body.reason as string);
      return { reason: body.reason as string, fallback: headers.get('x-fallback') ?? undefined };
    },
  },
  {
    transport: 'gRPC',
    ask: async (path: 'ask' | 'price' | 'plain', caller?: string): Promise<Answer> => {
      try {
        return await unary(Guarded[path], caller);
      } catch (error) {
        const failure = decodeFailure(error as never);
        throw new Refused(String(failure.code), failure.reason ?? '');
      }
    },
  },
];

class Refused extends Error {
  constructor(
    readonly code: string,
    readonly reason: string,
  ) {
    super(reason);
  }
}

const reasonOf = (call: Promise<Answer>): Promise<string> =>
  call.then(
    ({ reason }) => reason,
    (error: unknown) => (error as Refused).reason,
  );

describe.each(TRANSPORTS)('over $transport', ({ ask, transport }) => {
  test('a handler is limited in time, and tried again where that makes sense', async () => {
    dependency.next.push('hang');
    expect(await reasonOf(ask('ask'))).toBe('TIMEOUT');
    dependency.next.push('away', 'away');
    expect(await ask('ask')).toEqual({ reason: 'live', fallback: undefined });
    expect(dependency.calls).toBe(4);
    const name = transport === 'REST' ? 'ask' : 'ask-rpc';
    const scrape = await Scrape.of(app);
    expect(scrape.sum('retry_attempts_total', { name, outcome: 'made' })).toBe(2);
    const [server] = await receiver.find(
      'a retried call',
      ({ kind, events }) => kind === SERVER && events.length === 2,
    );
    expect(server?.events.map(({ name: event, attributes }) => [event, attributes])).toEqual([
      ['retry', { 'resilience.policy': name, 'resilience.attempt': 2 }],
      ['retry', { 'resilience.policy': name, 'resilience.attempt': 3 }],
    ]);
  });

  test('a step answers for a failing dependency in the order and within the time of each', async () => {
    app.get(Prices).snapshot = { reason: 'snapshot', domain: '', metadata: {} };
    dependency.next.push('hang', 'away', 'away');
    expect(await ask('price')).toEqual({ reason: 'snapshot', fallback: 'prices/snapshot' });
    app.get(Prices).snapshot = undefined;
    expect(await ask('price', 'amy')).toEqual({ reason: 'shadow-of-amy', fallback: 'prices/shadow' });
    expect(await ask('price')).toEqual({ reason: 'static', fallback: 'prices/static' });
    dependency.next.push('away');
    shadowDelayMs = 5000;
    const begin = performance.now();
    expect(await ask('price', 'amy')).toEqual({ reason: 'static', fallback: 'prices/static' });
    expect(performance.now() - begin).toBeLessThan(2500);
    // Four failures: the dependency is spared from now on.
    expect(await ask('price')).toEqual({ reason: 'static', fallback: 'prices/static' });
    expect(dependency.calls).toBe(4);
    await eventually('five lines', () => lines.filter(({ msg }) => msg === 'call').length === 5);
    expect(
      lines.filter(({ msg }) => msg === 'call').map(({ policy, fallback }) => [policy, fallback]),
    ).toEqual(['snapshot', 'shadow', 'static', 'static', 'static'].map((step) => ['prices', step]));
    const [span] = await receiver.find('a call that found the breaker open', ({ events }) =>
      events.some(({ name }) => name === 'circuit_breaker.rejected'),
    );
    expect(span?.attributes).toMatchObject({
      'resilience.policy': 'prices',
      'resilience.fallback.step': 'static',
    });
    expect(span?.events.map(({ name }) => name)).toEqual([
      'circuit_breaker.rejected',
      'fallback',
      'fallback',
    ]);
  });

  test('what nobody meant is told in the log, although a step answers', async () => {
    dependency.next.push('bug');
    expect(await ask('price')).toEqual({ reason: 'static', fallback: 'prices/static' });
    const told = () => lines.filter(({ level, policy }) => level === 'error' && policy === 'prices');
    await eventually('it is told', () => told().length === 1);
    expect(told()[0]).toMatchObject({ err: { message: 'nobody meant this' }, fallback: 'static' });
    expect(told()[0]).toMatchObject({
      msg: 'work failed; a fallback answered',
      request_id: expect.any(String),
    });
  });

  test('so is what nobody meant of a step', async () => {
    vi.spyOn(app.get(Prices), 'lastKnown').mockRejectedValueOnce(new TypeError('the step is broken'));
    dependency.next.push('away');
    expect(await ask('price')).toEqual({ reason: 'static', fallback: 'prices/static' });
    const told = () => lines.filter(({ level, policy }) => level === 'error' && policy === 'prices');
    await eventually('it is told', () => told().length === 1);
    expect(told()[0]).toMatchObject({
      msg: 'a step of a fallback failed',
      err: { message: 'the step is broken', stack: expect.any(String) },
      fallback: 'snapshot',
    });
  });

  test('a policy of the configuration covers it from the next call on, and no longer when it is taken away', async () => {
    const rule = {
      name: 'plain',
      routes: ['/guarded/*'],
      methods: ['GET'],
      rpcs: ['guarded.v1.GuardedService/P*'],
    };
    await configure([
      {
        ...rule,
        timeoutMs: 40,
        fallback: [{ name: 'fixed', value: { reason: 'fixed', domain: '', metadata: {} } }],
      },
    ]);
    dependency.next.push('hang');
    expect(await ask('plain')).toEqual({ reason: 'fixed', fallback: 'plain/fixed' });
    await configure([{ ...rule, breaker: { minRequestAmount: 2, threshold: 1 } }]);
    dependency.next.push('away', 'away');
    expect(await reasonOf(ask('plain'))).toBe('AWAY');
    // The same rule once more with other limits: what was counted stays.
    await configure([{ ...rule, timeoutMs: 5000, breaker: { minRequestAmount: 2, threshold: 0.9 } }]);
    expect(await reasonOf(ask('plain'))).toBe('AWAY');
    expect(await reasonOf(ask('plain'))).toBe('CIRCUIT_OPEN');
    expect((await Scrape.of(app)).sum('circuit_breaker_state', { name: 'plain' })).toBe(2);
    await configure([]);
    expect((await Scrape.of(app)).sum('circuit_breaker_state', { name: 'plain' })).toBe(0);
    expect(await reasonOf(ask('plain'))).toBe('live');
    expect(app.get(PolicyRegistry).find('plain')).toBeUndefined();
  });
});

test('a post and an rpc are not made twice by a policy of the configuration unless it says that they may', async () => {
  const rule = {
    name: 'all',
    routes: ['/guarded/plain'],
    rpcs: ['guarded.v1.GuardedService/Plain'],
    retry: { baseMs: 1 },
  };
  await configure([rule]);
  dependency.next.push('away', 'away', 'away');
  expect((await app.http.post('/guarded/plain', {})).body.reason).toBe('AWAY');
  expect((await failureOf(app.grpc.unary(Guarded.plain, order('echo')))).reason).toBe('AWAY');
  expect((await app.http.get('/guarded/plain')).body.reason).toBe('live');
  await configure([{ ...rule, isIdempotent: true }]);
  dependency.next.push('away', 'away');
  expect((await app.http.post('/guarded/plain', {})).body.reason).toBe('live');
  dependency.next.push('away', 'away');
  expect((await app.grpc.unary(Guarded.plain, order('echo'))).reason).toBe('live');
});

test('a handler that answers at once stays as it is', async () => {
  expect((await app.http.get('/guarded/sync')).body.reason).toBe('sync');
});

describe('streams', () => {
  test('that do not begin in time fail, of every shape', async () => {
    dependency.next.push('hang', 'hang', 'hang');
    expect((await failureOf(collect(app.grpc.serverStream(Guarded.held, order('echo'))))).reason).toBe(
      'TIMEOUT',
    );
    expect((await failureOf(app.grpc.clientStream(Guarded.late, [order('echo')]))).reason).toBe('TIMEOUT');
    const talk = app.grpc.bidi(Guarded.talk);
    talk.write(order('echo'));
    expect((await failureOf(collect(talk))).reason).toBe('TIMEOUT');
  });

  test('have their place until the client has left', async () => {
    const first = app.grpc.serverStream(Guarded.held, order('echo'));
    const ended = collect(first).catch(() => undefined);
    await new Promise((resolve) => first.once('data', resolve));
    expect((await Scrape.of(app)).sum('bulkhead_active', { name: 'held' })).toBe(1);
    expect((await failureOf(collect(app.grpc.serverStream(Guarded.held, order('echo'))))).reason).toBe(
      'BULKHEAD_FULL',
    );
    first.cancel();
    await ended;
    await eventually(
      'a free place',
      async () => (await Scrape.of(app)).sum('bulkhead_active', { name: 'held' }) === 0,
    );
    expect((await Scrape.of(app)).sum('bulkhead_refused_total', { name: 'held' })).toBe(1);
  });

  test.each([
    {
      kind: 'REST',
      over: { routes: ['/guarded/watch'] },
      watch: async (): Promise<void> => void (await (await fetch(`${app.http.url}/guarded/watch`)).text()),
    },
    {
      kind: 'gRPC',
      over: { rpcs: ['guarded.v1.GuardedService/Watch'] },
      watch: async (): Promise<void> =>
        void (await collect(app.grpc.serverStream(Guarded.watch, order('echo')))),
    },
  ])('are slow when they begin late, under a policy without a time (over $kind)', async ({ over, watch }) => {
    const breaker = { strategy: 'slow-call-ratio', maxAllowedRtMs: 40, minRequestAmount: 2 };
    await configure([{ name: 'watch', ...over, breaker }]);
    const counts = () =>
      app.get(PolicyRegistry).find('watch')?.breaker?.describe(performance.now()).counts ?? {};
    dependency.next.push('ok', 'late', 'late', 'ok');
    await watch();
    expect(counts()).toMatchObject({ total: 1, flagged: 0 });
    await watch();
    expect(counts()).toMatchObject({ total: 2, flagged: 1 });
  });

  test('tell of a step that answered after they had begun in their trailer', async () => {
    dependency.next.push('ok', 'away');
    const stream = app.grpc.serverStream(Guarded.prices, order('echo'));
    const status = new Promise<{ metadata: Metadata }>((resolve) => stream.once('status', resolve));
    expect((await collect(stream)).map(({ reason }) => reason)).toEqual(['live', 'static']);
    expect((await status).metadata.get('x-fallback')).toEqual(['prices/static']);
  });
});

describe('the operator', () => {
  const put = (body: unknown, name = 'prices') =>
    app.management.send(`/circuit-breakers/${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const state = async (): Promise<number> =>
    (await Scrape.of(app)).sum('circuit_breaker_state', { name: 'prices' });

  test('sees each breaker with its state, its counts and its rule', async () => {
    dependency.next.push('away');
    await app.http.get('/guarded/price');
    await app.http.get('/guarded/price');
    const { body } = await app.management.get('/circuit-breakers');
    expect(body.breakers).toEqual([
      {
        name: 'prices',
        state: 'closed',
        forced: null,
        rule: {
          strategy: 'error-ratio',
          threshold: 1,
          retryTimeoutMs: 60_000,
          minRequestAmount: 4,
          statIntervalMs: 10_000,
          statBuckets: 10,
          probeNum: 1,
          probeTimeoutMs: 10_000,
        },
        counts: { total: 2, failed: 1, flagged: 0 },
        lastTransition: expect.anything() as unknown,
      },
    ]);
  });

  test('holds one open or closed, and lets it go', async () => {
    expect((await put({ forced: 'open' })).body).toMatchObject({ state: 'open', forced: 'open' });
    expect(await state()).toBe(2);
    expect((await app.http.get('/guarded/price')).body.reason).toBe('static');
    expect(dependency.calls).toBe(0);
    await put({ forced: 'closed' });
    dependency.next.push('away', 'away', 'away', 'away', 'away');
    for (let index = 0; index < 5; index++) await app.http.get('/guarded/price');
    expect([dependency.calls, await state()]).toEqual([5, 0]);
    expect((await put({ forced: null })).body).toMatchObject({ state: 'closed', forced: null });
  });

  test('changes its rule, which keeps what was counted, and takes the change back', async () => {
    dependency.next.push('away', 'away');
    await app.http.get('/guarded/price');
    expect((await put({ rule: { minRequestAmount: 2 } })).body).toMatchObject({
      rule: { minRequestAmount: 2, threshold: 1 },
      counts: { total: 1, failed: 1 },
    });
    await app.http.get('/guarded/price');
    expect(await state()).toBe(2);
    const reset = await app.management.post('/circuit-breakers/prices/reset');
    expect(reset.body).toMatchObject({ state: 'closed', counts: { total: 0 } });
    expect((await put({ rule: null })).body.rule.minRequestAmount).toBe(4);
    const scrape = await Scrape.of(app);
    expect(
      scrape.sum('circuit_breaker_transitions_total', { name: 'prices', from: 'closed', to: 'open' }),
    ).toBeGreaterThan(0);
  });

  test('is told what is wrong with a change', async () => {
    expect((await put({ forced: 'ajar' })).body.errors[0]).toMatchObject({
      path: 'forced',
      message: 'must be open, closed or null',
    });
    expect((await put({})).status).toBe(400);
    const wrong = await put({ rule: { threshold: 7 } });
    expect(wrong.body).toMatchObject({
      reason: 'INVALID_RULE',
      detail: expect.stringContaining('must be a ratio up to 1') as unknown,
    });
    expect((await put({ forced: 'open' }, 'nobody')).body.reason).toBe('CIRCUIT_BREAKER_NOT_FOUND');
    expect((await app.management.post('/circuit-breakers/ask/reset')).status).toBe(404);
  });
});

describe('the configuration', () => {
  test('warns of a name that nothing has', async () => {
    await configure([{ name: 'pries', timeoutMs: 5 }]);
    expect(lines.find(({ level }) => level === 'warn')).toMatchObject({
      policy: 'pries',
      context: 'Resilience',
    });
  });

  test('changes a policy of the code by its name', async () => {
    await configure([{ name: 'prices', fallback: null, breaker: { minRequestAmount: 1 } }]);
    dependency.next.push('away');
    expect((await app.http.get('/guarded/price')).body.reason).toBe('AWAY');
    expect((await app.http.get('/guarded/price')).body.reason).toBe('CIRCUIT_OPEN');
  });

  test.each([
    [
      [{ name: 'prices', breaker: { threshold: 3 } }],
      'Policy "prices": breaker.threshold: must be a ratio up to 1',
    ],
    [[{ name: 'prices', rpcs: ['*'], timeoutMs: 5 }], '"prices" is a policy of the code'],
    [
      [{ name: 'new', routes: ['*'], breaker: { k: 2 } }],
      'Policy "new": breaker.k: is no field of error-ratio',
    ],
  ])(
    'is refused with the reason where it does not fit, and nothing changes (%#)',
    async (policies, reason) => {
      await configure([{ name: 'known', routes: ['/guarded/plain'], timeoutMs: 30 }]);
      await expect(configure(policies)).rejects.toThrow(reason);
      dependency.next.push('hang');
      expect((await app.http.get('/guarded/plain')).body.reason).toBe('TIMEOUT');
    },
  );
});

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}
