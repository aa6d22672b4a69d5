import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RedisServer } from '../../../test/support/redis.js';
import { Redis } from '../redis/index.js';
import { RedisTokenSource } from './redis-token-source.js';
import { TokenBucket } from './token-bucket.js';

/** A token a minute: no time of the test's own gives one. */
const SLOW = { intervalMs: 60_000, capacityMs: 600_000 };
/** The same burst, of which tokens come at a tenth of the pace. */
const SLOWER = { intervalMs: 600_000, capacityMs: 6_000_000 };
const WIDER = { intervalMs: 60_000, capacityMs: 1_200_000 };

let server: RedisServer;
let clients: Redis[];
let sources: RedisTokenSource[];
beforeAll(async () => {
  server = await RedisServer.start();
  const options = { url: server.url, name: 'test', connectTimeoutMs: 5000, commandTimeoutMs: 5000 };
  clients = Array.from({ length: 4 }, () => new Redis(options));
  await Promise.all(clients.map((client) => client.start()));
  sources = clients.map((client) => new RedisTokenSource(client, 'test'));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});
beforeEach(() => server.command('FLUSHALL'));

const take = (key: string, needed: number, wanted = needed, rate = SLOW) =>
  (sources[0] as RedisTokenSource).take('p', key, rate, needed, wanted);

test('gives what is wanted, or what is there, or nothing', async () => {
  expect(await take('a', 1, 7)).toMatchObject({ granted: 7, left: 3 });
  expect(await take('a', 1, 7)).toMatchObject({ granted: 3, left: 0 });
  const refused = await take('a', 1, 7);
  expect(refused).toMatchObject({ granted: 0, left: 0 });
  // Seven more are there after seven minutes.
  expect(refused.waitMs / 60_000).toBeGreaterThan(6.9);
  expect(refused.waitMs / 60_000).toBeLessThanOrEqual(7);
});

test('takes nothing when it is less than is needed', async () => {
  await take('a', 8);
  expect(await take('a', 3)).toMatchObject({ granted: 0, left: 2 });
  expect(await take('a', 2)).toMatchObject({ granted: 2 });
});

test('is atomic: many clients at once get no token twice', async () => {
  const rate = { intervalMs: 60_000, capacityMs: 60_000 * 500 };
  const grants = await Promise.all(
    Array.from({ length: 400 }, (_, index) =>
      (sources[index % sources.length] as RedisTokenSource).take('p', 'a', rate, 1, 1 + (index % 3)),
    ),
  );
  expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBe(500);
});

test('agrees with the bucket in the process', async () => {
  const step = fc.record({
    needed: fc.integer({ min: 1, max: 6 }),
    more: fc.integer({ min: 0, max: 6 }),
    rate: fc.constantFrom(SLOW, SLOWER, WIDER),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const [bucket, key] = [new TokenBucket(), `run-${(run += 1)}`];
      let { capacityMs } = SLOW;
      for (const { needed, more, rate } of steps) {
        bucket.scale(rate.capacityMs / capacityMs, 0);
        capacityMs = rate.capacityMs;
        const free = bucket.free(rate, 0);
        const granted = free < needed ? 0 : Math.min(free, needed + more);
        bucket.take(rate, granted, 0);
        expect(await take(key, needed, needed + more, rate)).toMatchObject({ granted, left: free - granted });
      }
    }),
    { numRuns: 50 },
  );
});

test('at another rate the same part of a bucket is taken', async () => {
  await take('a', 6);
  expect(await take('a', 5, 5, SLOWER)).toMatchObject({ granted: 0, left: 4 });
  expect(await take('a', 1, 1, SLOW)).toMatchObject({ granted: 1, left: 3 });
  expect(await take('a', 1, 1, WIDER)).toMatchObject({ granted: 1, left: 5 });
  await sources[0]?.giveBack('p', 'a', SLOWER, 2);
  expect(await take('a', 9, 9, SLOW)).toMatchObject({ granted: 0, left: 4 });
});

test('a question that gets nothing is enough for the debt to run down at the new rate', async () => {
  await take('a', 10, 10, SLOWER);
  const { granted, waitMs } = await take('a', 1, 1, SLOW);
  expect(granted).toBe(0);
  expect(waitMs).toBeLessThanOrEqual(60_000);
  expect(Number((await server.command('PTTL', '{test}:rate-limit:p:a')).slice(1))).toBeLessThanOrEqual(
    600_000,
  );
});

test('tokens come back, and a full bucket leaves no key', async () => {
  await take('a', 5);
  await sources[0]?.giveBack('p', 'a', SLOW, 2);
  expect(await take('a', 7)).toMatchObject({ granted: 7 });
  await sources[0]?.giveBack('p', 'a', SLOW, 10);
  expect(await server.command('DBSIZE')).toBe(':0\r\n');
});

test('a key ends when its bucket is full, and all keys of a service lie on one node of a cluster', async () => {
  await take('a', 2);
  expect(await server.command('KEYS', '*')).toContain('{test}:rate-limit:p:a');
  const ttlMs = Number((await server.command('PTTL', '{test}:rate-limit:p:a')).slice(1));
  expect(ttlMs).toBeGreaterThan(110_000);
  expect(ttlMs).toBeLessThanOrEqual(120_000);
});

test('a Redis that has forgotten the script gets it again', async () => {
  await take('a', 4);
  await server.command('SCRIPT', 'FLUSH');
  expect(await take('a', 4)).toMatchObject({ granted: 4, left: 2 });
});

test.each(['\0', '\r\nFLUSHALL\r\n', '{other}', '*', ' ', '💥', 'x'.repeat(100_000)])(
  'a hostile key is a key like any other',
  async (key) => {
    await take('witness', 1);
    expect(await take(key, 9)).toMatchObject({ granted: 9, left: 1 });
    expect(await take(key, 9)).toMatchObject({ granted: 0, left: 1 });
    expect(await take('witness', 1)).toMatchObject({ left: 8 });
  },
);

test('high rates are exact', async () => {
  const rate = { intervalMs: 1 / 30_000, capacityMs: 1000 };
  await take('fast', 1, 1, rate);
  const begin = performance.now();
  let sum = 0;
  while (performance.now() - begin < 500) sum += (await take('fast', 1, 3_000_000, rate)).granted;
  const elapsedMs = performance.now() - begin;
  const quota = (rate.capacityMs + elapsedMs) / rate.intervalMs;
  expect(sum).toBeLessThanOrEqual(quota * 1.01);
  expect(sum).toBeGreaterThan(quota * 0.9);
});
