import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, order, ProbeModule, SHAPES, TestApp } from '../support/index.js';
import { DelayingProxy } from '../support/delaying-proxy.js';
import { Limited, limitsService } from '../support/limits.js';
import { RedisServer } from '../support/redis.js';
import { Repeated } from '../support/repeated.js';
import { SERVICE_NAME } from '../support/service-name.js';

/** Between losing Redis and finding it again, with room for a slow machine. */
const RETURN_LIMIT_MS = 15_000;
const DAY_MS = 86_400_000;

type Line = Readonly<Record<string, unknown>>;

let server: RedisServer;
let apps: TestApp[];
let lines: Line[];
beforeEach(async () => {
  apps = [];
  lines = [];
  server = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await server.stop();
});

async function start(config: Readonly<Record<string, unknown>> = {}): Promise<TestApp> {
  const app = await TestApp.start({
    service: limitsService,
    config: { REDIS_URL: server.url, LOG_LEVEL: 'info', LOG_FORMAT: 'json', ...config },
    logTo: { write: (text) => lines.push(JSON.parse(text) as Line) },
  });
  apps.push(app);
  return app;
}

const storeOf = async ({ management }: TestApp): Promise<unknown> =>
  (await management.get('/rate-limits')).body.store;
const statusOf = async ({ http }: TestApp, path: string): Promise<number> =>
  (await http.get(`/limits/${path}`)).status;
const said = (msg: string): number => lines.filter((line) => line['msg'] === msg).length;

test('instances share their buckets, over both transports', async () => {
  const [one, two] = [await start(), await start()];
  expect([await statusOf(one, 'route'), await statusOf(two, 'route'), await statusOf(one, 'route')]).toEqual([
    200, 200, 429,
  ]);
  await one.grpc.unary(Limited.unary, order('echo'));
  await two.grpc.unary(Limited.unary, order('echo'));
  await expect(one.grpc.unary(Limited.unary, order('echo'))).rejects.toMatchObject({ code: 8 });
  expect(await storeOf(one)).toBe('redis');
  const { body } = await one.management.get('/metrics');
  expect(body).toMatch(
    /rate_limit_decisions_total\{policy="LimitsHttpController.route",decision="allowed",store="redis"\} 1/,
  );
  expect(body).toMatch(/redis_client_commands_total\{result="ok"\} [1-9]/);
});

test('all policies of a call have to allow it', async () => {
  const app = await start();
  const get = async (caller: string) => (await app.http.get('/limits/both', { 'x-caller': caller })).status;
  expect([
    await get('jwt/a'),
    await get('jwt/a'),
    await get('jwt/b'),
    await get('jwt/c'),
    await get('jwt/d'),
  ]).toEqual([200, 429, 200, 200, 429]);
});

test('many calls at once get exactly the limit, with leases and without', async () => {
  for (const RATE_LIMIT_LEASE_RATIO of [0, 0.5]) {
    await server.command('FLUSHALL');
    const app = await start({ RATE_LIMIT_LEASE_RATIO, REDIS_COMMAND_TIMEOUT_MS: 5000 });
    const statuses = await Promise.all(Array.from({ length: 40 }, () => statusOf(app, 'route')));
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 429)).toHaveLength(38);
  }
});

test('a reset reaches the shared store', async () => {
  const app = await start();
  expect([await statusOf(app, 'ip'), await statusOf(app, 'ip')]).toEqual([200, 429]);
  await app.management.send('/rate-limits/LimitsHttpController.ip/127.0.0.1', { method: 'DELETE' });
  expect(await statusOf(app, 'ip')).toBe(200);
});

// Tokens come every minute at the most: the test itself gets none.
test.each([
  ['lowered', 1000, 10],
  ['raised', 10, 1000],
])('an empty bucket stays empty when its limit is %s, and fills at the new rate', async (_how, from, to) => {
  const policy = { name: 'probes', limit: from, windowMs: DAY_MS, burst: 2 };
  const app = await TestApp.start({
    imports: [ProbeModule],
    config: { REDIS_URL: server.url, REDIS_COMMAND_TIMEOUT_MS: 5000, RATE_LIMIT_POLICIES: [policy] },
  });
  apps.push(app);
  const spend = async (): Promise<void> => {
    for (const { call } of SHAPES) await call(app, 'echo');
  };
  await spend();
  await spend();
  await spend();
  await app.management.send('/rate-limits/probes', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ limit: to }),
  });
  for (const { call } of SHAPES) {
    const { reason, message } = await call(app, 'echo');
    expect(reason).toBe('RATE_LIMITED');
    const waitMs = Number(/in (\d+) ms$/.exec(message ?? '')?.[1]);
    expect(waitMs).toBeLessThanOrEqual(DAY_MS / to);
    expect(waitMs).toBeGreaterThan(DAY_MS / to / 2);
  }
  expect(await storeOf(app)).toBe('redis');
});

test('what was leased and not used comes back at the end', async () => {
  const app = await start({ RATE_LIMIT_LEASE_RATIO: 1, REDIS_COMMAND_TIMEOUT_MS: 5000 });
  for (let index = 0; index < 30; index++) expect(await statusOf(app, 'daily')).toBe(200);
  const key = `{${SERVICE_NAME}}:rate-limit:daily:all`;
  // A token is worth 86.4 s: the key lives for as many of them as are gone.
  const gone = async (): Promise<number> =>
    Math.ceil(Number((await server.command('PTTL', key)).slice(1)) / 86_400);
  expect(await gone()).toBeGreaterThan(30);
  await app.stop();
  apps.pop();
  expect(await gone()).toBe(30);
});

/** Asks without a pause, until `end`. */
class Load {
  readonly statuses = new Map<number, number>();
  slowestMs = 0;
  readonly #calls: Repeated;

  constructor(private readonly app: TestApp) {
    this.#calls = new Repeated(() => this.#ask(), 4);
  }

  async end(): Promise<this> {
    expect(await this.#calls.stop()).toEqual([]);
    return this;
  }

  async #ask(): Promise<void> {
    const begin = performance.now();
    const status = await statusOf(this.app, 'warm');
    this.slowestMs = Math.max(this.slowestMs, performance.now() - begin);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }
}

describe('no call fails because of Redis', () => {
  test('which is killed and started again under load', async () => {
    const app = await start();
    await eventually('Redis decides', async () => (await storeOf(app)) === 'redis');
    const begin = performance.now();
    const calls = new Load(app);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();
    await eventually('the process decides', async () => (await storeOf(app)) === 'fallback');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.start();
    await eventually('Redis decides again', async () => (await storeOf(app)) === 'redis', RETURN_LIMIT_MS);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { statuses, slowestMs } = await calls.end();
    const quota = 10 + (performance.now() - begin) / 10;
    const share = ((statuses.get(200) ?? 0) / quota - 1) * 100;
    process.stdout.write(
      `Redis restarted under load: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}; ` +
        `${share.toFixed(1)} % against the quota; slowest ${slowestMs.toFixed(0)} ms\n`,
    );
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 429)).toEqual([]);
    // Twice a new bucket: that of the process, and that of a Redis that remembers nothing.
    expect(statuses.get(200)).toBeLessThanOrEqual((quota + 2 * 10) * 1.02);
    expect([said('Redis is away; what needs it does without'), said('Redis is back')]).toEqual([1, 1]);
  });

  test('which hangs', async () => {
    const app = await start();
    expect(await storeOf(app)).toBe('redis');
    server.freeze();
    const calls = new Load(app);
    await eventually('the process decides', async () => (await storeOf(app)) === 'fallback');
    server.thaw();
    await eventually('Redis decides again', async () => (await storeOf(app)) === 'redis', RETURN_LIMIT_MS);
    const { statuses, slowestMs } = await calls.end();
    process.stdout.write(`Redis hung: slowest call ${slowestMs.toFixed(0)} ms\n`);
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 429)).toEqual([]);
    // The time limit is 100 ms; the rest is room for a slow machine.
    expect(slowestMs).toBeLessThan(2000);
  });

  test('which is slow, and which is too slow', async () => {
    const proxy = new DelayingProxy(server.port);
    proxy.delayMs = 20;
    const REDIS_URL = `redis://127.0.0.1:${await proxy.listen()}`;
    const app = await start({ REDIS_URL, REDIS_COMMAND_TIMEOUT_MS: 300, RATE_LIMIT_LEASE_RATIO: 0 });
    expect([await statusOf(app, 'route'), await storeOf(app)]).toEqual([200, 'redis']);
    proxy.delayMs = 1000;
    for (let index = 0; index < 3; index++) expect([200, 429]).toContain(await statusOf(app, 'route'));
    await eventually('the process decides', async () => (await storeOf(app)) === 'fallback');
    proxy.delayMs = 0;
    await eventually('Redis decides again', async () => (await storeOf(app)) === 'redis', RETURN_LIMIT_MS);
    proxy.close();
  });

  test('which answers and keeps nothing', async () => {
    const app = await start();
    for (const [refuse, keep] of [
      ['REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
      ['CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
    ] as const) {
      await server.command(refuse);
      await eventually('the process decides', async () => {
        expect([200, 429]).toContain(await statusOf(app, 'warm'));
        return (await storeOf(app)) === 'fallback';
      });
      expect((await app.management.get('/metrics')).body).toContain('rate_limit_store{store="fallback"} 1');
      await server.command(keep);
      await eventually('Redis decides again', async () => (await storeOf(app)) === 'redis', RETURN_LIMIT_MS);
    }
    // Not once for each attempt.
    expect([said('Redis is away; what needs it does without'), said('Redis is back')]).toEqual([2, 2]);
  });

  test('which answers and does not let it count', async () => {
    const app = await start();
    expect([await statusOf(app, 'warm'), await storeOf(app)]).toEqual([200, 'redis']);
    await server.command('ACL SETUSER default -eval -evalsha');
    await eventually('the process decides', async () => {
      expect([200, 429]).toContain(await statusOf(app, 'warm'));
      return (await storeOf(app)) === 'fallback';
    });
    expect(said('Redis refuses to count for rate limits; each instance does by itself')).toBe(1);
    await server.command('ACL SETUSER default +@all');
    await eventually(
      'Redis decides again',
      async () => {
        expect([200, 429]).toContain(await statusOf(app, 'warm'));
        return said('Redis counts for rate limits again') === 1 && (await storeOf(app)) === 'redis';
      },
      RETURN_LIMIT_MS,
    );
  });

  test('which is not there when the service starts', async () => {
    await server.kill();
    const app = await start();
    expect([await statusOf(app, 'route'), await storeOf(app)]).toEqual([200, 'fallback']);
    const { status, body } = await app.management.get('/readyz');
    expect([status, body.details.redis.status]).toEqual([200, 'degraded']);
    await server.start();
    await eventually('Redis decides', async () => (await storeOf(app)) === 'redis', RETURN_LIMIT_MS);
    expect(await statusOf(app, 'route')).toBe(200);
  });
});

test('while Redis is away an instance grants its share of the limit', async () => {
  await server.kill();
  const app = await start({ RATE_LIMIT_FALLBACK_INSTANCES: 2 });
  expect([await statusOf(app, 'route'), await statusOf(app, 'route')]).toEqual([200, 429]);
});
