import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '#chassis/config';
import { RateLimit } from '#chassis/rate-limit';
import {
  changeConfig,
  failureOf,
  order,
  ProbeModule,
  Probes,
  SHAPES,
  TestApp,
  type HttpAnswer,
  type Outcome,
} from '../support/index.js';
import { Limited, limitsService } from '../support/limits.js';

const PAGE = 'https://app.example.org';
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A token comes every 30 s at the most: nothing below depends on how fast the machine is. */
const POLICY = { name: 'probes', limit: 2, windowMs: MINUTE_MS };
const PRINCIPAL = { name: 'who', limit: 1, windowMs: MINUTE_MS, by: 'principal' };

async function metricOf({ management }: TestApp, line: string): Promise<string | undefined> {
  const { body } = await management.get('/metrics');
  return String(body)
    .split('\n')
    .find((each) => each.startsWith(line))
    ?.split(' ')
    .at(-1);
}

const DELETE = { method: 'DELETE' };
const putLimit = ({ management }: TestApp, name: string, body: unknown): Promise<HttpAnswer> =>
  management.send(`/rate-limits/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('a configured policy', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({ imports: [ProbeModule], config: { RATE_LIMIT_POLICIES: [POLICY] } });
  });
  afterAll(() => app.stop());

  test.each(SHAPES)(
    'over $name lets its limit through and refuses the rest with one reason',
    async ({ call }) => {
      expect(await call(app, 'echo')).toHaveProperty('answers');
      expect(await call(app, 'echo')).toHaveProperty('answers');
      const refused = await call(app, 'echo');
      expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'RATE_LIMITED' });
      expect(refused.message).toMatch(
        /^Too many calls: "probes" allows 2 in 60000 ms\. Try again in \d+ ms$/,
      );
    },
  );

  test('counts its decisions, and a bucket for each route and rpc', async () => {
    const of = (decision: string) =>
      `rate_limit_decisions_total{policy="probes",decision="${decision}",store="memory"}`;
    expect(await metricOf(app, of('allowed'))).toBe(String(2 * SHAPES.length));
    expect(await metricOf(app, of('refused'))).toBe(String(SHAPES.length));
    expect(await metricOf(app, 'rate_limit_store{store="memory"}')).toBe('1');
    expect(await metricOf(app, 'rate_limit_buckets{policy="probes"}')).toBe(String(SHAPES.length));
    expect((await app.management.get('/info')).body.capabilities).toContain('rate-limits');
  });

  test('leaves what is no handler alone', async () => {
    for (let index = 0; index < 3; index++) expect((await app.http.get('/nowhere')).status).toBe(404);
  });
});

describe('what a refused caller is told', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({
      imports: [ProbeModule],
      config: {
        RATE_LIMIT_POLICIES: [
          { ...POLICY, limit: 1 },
          { name: 'all', limit: 1000, by: 'all' },
        ],
        CORS_ORIGINS: PAGE,
      },
    });
    await app.http.get('/probe/echo');
    await app.grpc.unary(Probes.unary, order('echo'));
  });
  afterAll(() => app.stop());

  test('over REST: 429, when to come back, and the policies', async () => {
    const { status, headers, body } = await app.http.get('/probe/echo', { origin: PAGE });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([429, PAGE]);
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(headers.get('ratelimit-policy')).toBe('"probes";q=1;w=60, "all";q=1000;w=1');
    expect(headers.get('ratelimit')).toBe(`"probes";r=0;t=${seconds}`);
    expect(body).toMatchObject({
      type: 'urn:problem-type:rate-limited',
      status: 429,
      code: 'RESOURCE_EXHAUSTED',
      reason: 'RATE_LIMITED',
      metadata: { policy: 'probes', limit: '1', windowMs: '60000' },
    });
  });

  test('over gRPC: the same in the status details and the trailers', async () => {
    const call = app.grpc.unary(Probes.unary, order('echo'));
    const { info, retry, code } = await failureOf(call);
    expect(code).toBe(8);
    expect(info?.metadata).toEqual({ policy: 'probes', limit: '1', windowMs: '60000' });
    expect(Number(retry?.retryDelay?.seconds)).toBeGreaterThan(30);
    const { metadata } = await call.then(
      () => Promise.reject(new TypeError('The call succeeded')),
      (error: unknown) => error as GrpcError,
    );
    expect(metadata.get('ratelimit-policy')).toEqual(['"probes";q=1;w=60, "all";q=1000;w=1']);
    expect(String(metadata.get('ratelimit')[0])).toMatch(/^"probes";r=0;t=\d+$/);
  });

  test('an answer within the limit says nothing by default', async () => {
    const { headers } = await app.http.get('/probe/query?word=a');
    expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null]);
  });
});

test('RATE_LIMIT_HEADERS=always tells on every answer what is left', async () => {
  const config = { RATE_LIMIT_POLICIES: [{ ...POLICY, limit: 3 }], RATE_LIMIT_HEADERS: 'always' };
  const app = await TestApp.start({ imports: [ProbeModule], config });
  try {
    const left: (string | null)[] = [];
    for (let index = 0; index < 3; index++)
      left.push((await app.http.get('/probe/echo')).headers.get('ratelimit'));
    expect(left.map((text) => text?.split(';t=')[0])).toEqual([
      '"probes";r=2',
      '"probes";r=1',
      '"probes";r=0',
    ]);
    const { path, requestSerialize, responseDeserialize } = Probes.unary;
    const call = app.grpc.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      order('echo'),
      () => {},
    );
    const metadata = await new Promise<{ get(key: string): unknown[] }>((resolve) =>
      call.on('metadata', resolve),
    );
    expect(metadata.get('ratelimit-policy')).toEqual(['"probes";q=3;w=60']);
  } finally {
    await app.stop();
  }
});

/** Statuses of calls of one route with these methods, in their order. */
async function statusesUnder(policy: object, methods: readonly string[]): Promise<number[]> {
  const RATE_LIMIT_POLICIES = [{ ...POLICY, routes: ['/limits/*'], ...policy }];
  const app = await TestApp.start({ service: limitsService, config: { RATE_LIMIT_POLICIES } });
  try {
    const found: number[] = [];
    for (const method of methods) found.push((await app.http.send('/limits/free', { method })).status);
    return found;
  } finally {
    await app.stop();
  }
}

describe('a HEAD runs what a GET does', () => {
  test.each([[{ methods: ['GET'], by: 'ip' }], [{ methods: ['GET'], by: 'route' }], [{ by: 'route' }]])(
    'and takes from the same bucket: %j',
    async (policy) => {
      expect(await statusesUnder(policy, ['HEAD', 'GET', 'HEAD', 'GET'])).toEqual([200, 200, 429, 429]);
    },
  );

  test('unless the policy names HEAD alone', async () => {
    const policy = { methods: ['HEAD'], limit: 1 };
    expect(await statusesUnder(policy, ['HEAD', 'HEAD', 'GET', 'GET'])).toEqual([200, 429, 200, 200]);
    expect(await statusesUnder(policy, ['GET', 'GET', 'HEAD', 'HEAD'])).toEqual([200, 200, 200, 429]);
  });
});

describe('@RateLimit', () => {
  let app: TestApp;
  const get = (path: string, caller?: string): Promise<HttpAnswer> =>
    app.http.get(`/limits/${path}`, caller === undefined ? {} : { 'x-caller': caller });
  const statuses = async (...calls: readonly (readonly [string, string?])[]): Promise<number[]> => {
    const found: number[] = [];
    for (const [path, caller] of calls) found.push((await get(path, caller)).status);
    return found;
  };
  beforeAll(async () => {
    app = await TestApp.start({ service: limitsService });
  });
  afterAll(() => app.stop());

  test('limits one route and leaves the others alone', async () => {
    expect(await statuses(['route'], ['route'], ['route'], ['free'])).toEqual([200, 200, 429, 200]);
  });

  test('counts callers apart, and those who are not known by address', async () => {
    const path = 'principal';
    expect(
      await statuses([path, 'jwt/a'], [path, 'jwt/b'], [path, 'api-key/a'], [path, 'jwt/a'], [path], [path]),
    ).toEqual([200, 200, 200, 429, 200, 429]);
  });

  test('counts by API key, tenant and address', async () => {
    expect(await statuses(['api-key', 'api-key/a'], ['api-key', 'api-key/a'], ['api-key', 'jwt/a'])).toEqual([
      200, 429, 200,
    ]);
    expect(
      await statuses(['tenant', 'jwt/a/t'], ['tenant', 'jwt/b/t'], ['tenant', 'jwt/a/u'], ['tenant']),
    ).toEqual([200, 429, 200, 200]);
    expect(await statuses(['ip', 'jwt/a'], ['ip', 'jwt/b'])).toEqual([200, 429]);
  });

  test('needs the consent of all; what one refuses costs nothing elsewhere', async () => {
    expect(
      await statuses(
        ['both', 'jwt/a'],
        ['both', 'jwt/a'],
        ['both', 'jwt/a'],
        ['both', 'jwt/b'],
        ['both', 'jwt/c'],
      ),
    ).toEqual([200, 429, 429, 200, 200]);
    const { body } = await get('both', 'jwt/d');
    expect(body.metadata.policy).toBe('wide');
  });

  test('counts callers whose name holds half a character', async () => {
    const name = async (text: string) => (await app.http.post('/limits/named', { name: text })).status;
    expect([await name('\ud800'), await name('\ud800'), await name('a\udfff')]).toEqual([201, 429, 201]);
  });

  test('policies of one name share their bucket', async () => {
    expect(await statuses(['shared'], ['shared-too'])).toEqual([200, 429]);
  });

  test('weighs calls', async () => {
    const weigh = async (weight: number) => (await app.http.post('/limits/weight', { weight })).status;
    expect([await weigh(7), await weigh(4), await weigh(3), await weigh(0), await weigh(1)]).toEqual([
      201, 429, 201, 201, 429,
    ]);
  });

  test('a call that costs more than there ever is is told so, without a time', async () => {
    const { status, headers, body } = await app.http.post('/limits/weight', { weight: 11 });
    expect([status, headers.get('retry-after'), body.detail]).toEqual([
      429,
      null,
      'The call costs more than "LimitsHttpController.weight" ever allows at once. Ask for less',
    ]);
  });

  test.each([-1, 1.5, Number.MAX_VALUE + 1, 'many'])(
    'a cost of %j is a fault of the service',
    async (weight) => {
      const { status } = await app.http.post('/limits/weight', { weight });
      expect(status).toBe(500);
    },
  );

  test('of a controller limits each of its rpcs, unless one is exempt', async () => {
    const unary = () => app.grpc.unary(Limited.unary, order('echo'));
    await unary();
    await unary();
    expect(await failureOf(unary())).toMatchObject({ code: 8, reason: 'RATE_LIMITED' });
    for (let index = 0; index < 5; index++) await app.grpc.unary(Limited.heavy, order('echo'));
  });

  test('per message: a stream brings in its limit, then it ends', async () => {
    const messages = (count: number) => Array.from({ length: count }, () => order('echo'));
    expect((await app.grpc.clientStream(Limited.clientStream, messages(3))).reason).toBe('3');
    const failure = await failureOf(app.grpc.clientStream(Limited.clientStream, messages(1)));
    expect(failure).toMatchObject({
      code: 8,
      reason: 'RATE_LIMITED',
      info: { metadata: { policy: 'messages' } },
    });
    expect(Number(failure.retry?.retryDelay?.seconds)).toBeGreaterThan(0);
  });

  test('per message over a bidirectional stream: what was let in is answered', async () => {
    const call = app.grpc.bidi(Limited.bidi);
    for (let index = 0; index < 4; index++) call.write(order('echo'));
    call.end();
    const answers: string[] = [];
    const reading = (async () => {
      for await (const { reason } of call) answers.push(reason);
    })();
    expect(await failureOf(reading)).toMatchObject({ code: 8, reason: 'RATE_LIMITED' });
    expect(answers).toEqual(['echo', 'echo', 'echo']);
  });

  test('per message with excess: wait holds the sender back and loses nothing', async () => {
    const begin = performance.now();
    const { reason } = await app.grpc.clientStream(
      Limited.held,
      Array.from({ length: 21 }, () => order('echo')),
    );
    expect(reason).toBe('21');
    // One message at once, then one every ten milliseconds.
    expect(performance.now() - begin).toBeGreaterThan(195);
  });

  test('a client that leaves a stream which is held back ends it', async () => {
    const call = app.grpc.client.makeClientStreamRequest(
      Limited.held.path,
      Limited.held.requestSerialize,
      Limited.held.responseDeserialize,
      () => {},
    );
    for (let index = 0; index < 100; index++) call.write(order('echo'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    call.cancel();
    await expect
      .poll(() =>
        metricOf(
          app,
          'rpc_server_call_duration_seconds_count{rpc_service="limits.v1.LimitService",rpc_method="Held"',
        ),
      )
      .toBe('1');
  });
});

// Nest calls a copy of the method then.
test('limits of a method hold where calls are traced', async () => {
  const app = await TestApp.start({
    service: limitsService,
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
  });
  try {
    const statuses: number[] = [];
    for (let count = 0; count < 3; count++) statuses.push((await app.http.get('/limits/route')).status);
    expect(statuses).toEqual([200, 200, 429]);
  } finally {
    await app.stop();
  }
});

describe('a service does not start', () => {
  const policy = { name: 'p', limit: 1 };

  test.each([
    [[{ ...policy, limit: 0 }], 'RATE_LIMIT_POLICIES.0.limit (from override): '],
    [
      [policy, { ...policy, name: 'hunter 2' }],
      'RATE_LIMIT_POLICIES.1.name (from override): must be letters',
    ],
    [[policy, policy], 'RATE_LIMIT_POLICIES.1.name (from override): must be a name that no other policy has'],
    [[{ limit: 1 }], 'RATE_LIMIT_POLICIES.0.name (from override): must be a name'],
    [[{ ...policy, by: 'hunter2' }], 'RATE_LIMIT_POLICIES.0.by (from override): must be all, route'],
    [[{ ...policy, windowMs: -1 }], 'RATE_LIMIT_POLICIES.0.windowMs'],
    [[{ ...policy, cost: 2 }], 'RATE_LIMIT_POLICIES.0.cost (from override): must not be larger than burst'],
    [[{ ...policy, excess: 'wait' }], 'RATE_LIMIT_POLICIES.0.excess'],
    [[{ ...policy, routes: [] }], 'RATE_LIMIT_POLICIES.0.routes'],
    [[{ ...policy, routes: ['hunter 2'] }], 'RATE_LIMIT_POLICIES.0.routes.0'],
    [[{ ...policy, limt: 1 }], 'RATE_LIMIT_POLICIES.0'],
    [{}, 'RATE_LIMIT_POLICIES (from override): must be a list of policies'],
    [
      'hunter2',
      'RATE_LIMIT_POLICIES (from override): must be a list of policies; in the environment, as JSON',
    ],
    ['[{"name":"p"}]', 'RATE_LIMIT_POLICIES.0.limit'],
  ])('with RATE_LIMIT_POLICIES %j', async (policies, message) => {
    const overrides = { RATE_LIMIT_POLICIES: policies };
    const load = () => loadConfig({ env: {}, directory: '/nonexistent', overrides });
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.not.toThrow('hunter');
  });

  test('with two policies of one name that differ', async () => {
    class Twice {
      one(): object {
        return {};
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Twice.prototype, 'one') as PropertyDescriptor;
    Get('twice')(Twice.prototype, 'one', descriptor);
    RateLimit({ name: 'p', limit: 2 })(Twice.prototype, 'one', descriptor);
    Controller()(Twice);
    class TwiceModule {
      readonly name = 'twice';
    }
    Module({ controllers: [Twice] })(TwiceModule);
    const starting = TestApp.start({
      service: { ...limitsService, module: TwiceModule },
      config: { RATE_LIMIT_POLICIES: [policy] },
    });
    await expect(starting).rejects.toThrow('The rate limit "p" is defined twice, with different limits');
  });

  test('above a method that no guard is asked for', async () => {
    class Limitless {
      @RateLimit({ limit: 2 })
      import(): void {}
    }
    @Module({ providers: [Limitless] })
    class LimitlessModule {}
    await expect(TestApp.start({ service: { ...limitsService, module: LimitlessModule } })).rejects.toThrow(
      '@RateLimit stands on Limitless.import, which is no handler of a controller',
    );
  });

  test.each([
    [{ limit: 0 }, 'limit'],
    [{ limit: 1.5 }, 'limit'],
    [{ limit: 1, windowMs: 0 }, 'windowMs'],
    [{ limit: 1, windowMs: NaN }, 'windowMs'],
    [{ limit: 1, burst: -1 }, 'burst'],
    [{ limit: 1, cost: 2 }, 'cost'],
    [{ limit: 1, by: 'user' as 'ip' }, 'by'],
    [{ limit: 1, name: 'a b' }, 'name'],
    [{ limit: 1, excess: 'wait' as const }, 'excess'],
    [{ limit: 1, window: 5 } as { limit: number }, 'window'],
  ])('with @RateLimit(%j)', (options, name) => {
    expect(() => RateLimit(options)).toThrow(new RegExp(`^@RateLimit: ${name} must be `));
  });
});

describe('/rate-limits on the management port', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await TestApp.start({
      service: limitsService,
      config: { RATE_LIMIT_POLICIES: [POLICY, PRINCIPAL] },
    });
  });
  afterEach(() => app.stop());
  const put = (name: string, body: unknown) => putLimit(app, name, body);
  const sendTwo = () => app.grpc.clientStream(Limited.held, [order('echo'), order('echo')]);

  test('lists the policies and the store', async () => {
    const { body } = await app.management.get('/rate-limits');
    const quota = { limit: 2, windowMs: MINUTE_MS, burst: 2 };
    expect(body.store).toBe('memory');
    expect(body.policies).toContainEqual({ name: 'probes', ...quota, configured: quota, buckets: 0 });
  });

  test('changes what a policy allows, and back', async () => {
    await put('who', { limit: 1000, burst: 1000 });
    const { status, body } = await put('probes', { limit: 60, burst: 4 });
    expect([status, body.limit, body.burst, body.windowMs]).toEqual([200, 60, 4, MINUTE_MS]);
    const found: number[] = [];
    for (let index = 0; index < 5; index++) found.push((await app.http.get('/limits/free')).status);
    expect(found).toEqual([200, 200, 200, 200, 429]);
    expect((await put('probes', { limit: null, burst: null })).body).toMatchObject({
      limit: 2,
      burst: 2,
    });
  });

  test('fills the bucket of a key', async () => {
    await app.http.get('/limits/free');
    expect((await app.http.get('/limits/free')).status).toBe(429);
    const { status } = await app.management.send('/rate-limits/who/ip%3A127.0.0.1', { method: 'DELETE' });
    expect(status).toBe(204);
    expect((await app.http.get('/limits/free')).status).toBe(200);
  });

  test('fills the bucket of a caller with a long name', async () => {
    const caller = `jwt/${'a'.repeat(250)}`;
    const call = async () => (await app.http.get('/limits/free', { 'x-caller': caller })).status;
    expect([await call(), await call()]).toEqual([200, 429]);
    const path = `/rate-limits/who/${encodeURIComponent(caller.replace('/', ':'))}`;
    expect((await app.management.send(path, { method: 'DELETE' })).status).toBe(204);
    expect(await call()).toBe(200);
  });

  test.each([
    ['a higher limit', () => put('held', { limit: 1000, windowMs: 1000 })],
    ['a full bucket', () => app.management.send('/rate-limits/held/limits.v1.LimitService%2FHeld', DELETE)],
  ])('%s lets in at once what a stream waits with', async (_name, change) => {
    await put('held', { limit: 1, windowMs: DAY_MS });
    let isOver = false;
    const stream = sendTwo();
    const answered = stream.finally(() => (isOver = true));
    await expect
      .poll(() => metricOf(app, 'rate_limit_decisions_total{policy="held",decision="refused"'))
      .toBe('1');
    expect([(await change()).status < 300, isOver]).toEqual([true, false]);
    expect((await answered).reason).toBe('2');
  });

  test('a policy that is taken away holds no stream back any more', async () => {
    const messages = { by: 'all', cost: 1, per: 'message', excess: 'wait' } as const;
    const slow = {
      name: 'slow',
      rpcs: ['limits.v1.LimitService/Held'],
      limit: 1,
      windowMs: DAY_MS,
      ...messages,
    };
    await changeConfig(app.service.config, { RATE_LIMIT_POLICIES: [slow] });
    const stream = sendTwo();
    await expect
      .poll(() => metricOf(app, 'rate_limit_decisions_total{policy="slow",decision="refused"'))
      .toBe('1');
    await changeConfig(app.service.config, { RATE_LIMIT_POLICIES: [] });
    expect((await stream).reason).toBe('2');
  });

  test('refuses what it does not understand', async () => {
    expect((await put('nobody', { limit: 1 })).body.reason).toBe('RATE_LIMIT_NOT_FOUND');
    expect((await put('probes', { limit: 0 })).body.reason).toBe('VALIDATION_FAILED');
    expect((await put('probes', { rate: 1 })).body.reason).toBe('VALIDATION_FAILED');
  });
});

// Tokens come every minute at the most: the test itself gets none.
test.each([
  ['lowered', 1000, 10],
  ['raised', 10, 1000],
])(
  'the same part of each bucket stays taken when its limit is %s and its burst kept',
  async (_how, from, to) => {
    const policy = { ...POLICY, limit: from, windowMs: DAY_MS, burst: 4 };
    const app = await TestApp.start({ imports: [ProbeModule], config: { RATE_LIMIT_POLICIES: [policy] } });
    try {
      const each = async (): Promise<Outcome[]> => {
        const outcomes: Outcome[] = [];
        for (const { call } of SHAPES) outcomes.push(await call(app, 'echo'));
        return outcomes;
      };
      await each();
      await each();
      expect((await putLimit(app, 'probes', { limit: to })).body).toMatchObject({ limit: to, burst: 4 });
      for (const outcome of [...(await each()), ...(await each())]) expect(outcome).toHaveProperty('answers');
      for (const { reason, message } of await each()) {
        expect(reason).toBe('RATE_LIMITED');
        const waitMs = Number(/in (\d+) ms$/.exec(message ?? '')?.[1]);
        expect(waitMs).toBeLessThanOrEqual(DAY_MS / to);
        expect(waitMs).toBeGreaterThan(DAY_MS / to / 2);
      }
    } finally {
      await app.stop();
    }
  },
);
