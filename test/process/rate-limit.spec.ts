import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RedisServer } from '../support/redis.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const INSTANCES = 8;
/** Tokens a second. */
const LIMIT = 1000;
const OVERLOAD = 3;
const SECONDS = process.env['SOAK'] ? 10 : 4;
/** Longer than tokens of a lease are kept. */
const LEASES_END_MS = 700;
const MAX_SHARE_OVER = 0.012;
/** Tests that run beside this one may leave eight processes without a core for a while: tokens that nobody takes. */
const MAX_SHARE_UNDER = process.env['SOAK'] ? 0.012 : 0.1;
/** The first call is the fixture's own request, which this policy does not cover. */
const POLICIES = JSON.stringify([{ name: 'shared', routes: ['(unknown)'], limit: LIMIT, by: 'all' }]);
const program = join(import.meta.dirname, 'fixtures/limited-service.ts');

interface Load {
  readonly allowed: number;
  /** How long each decision took. */
  readonly timesMs: readonly number[];
  /** Epoch milliseconds. */
  readonly beganAt: number;
  readonly endedAt: number;
}

async function overload(services: readonly ServiceProcess[], seconds: number): Promise<Load> {
  const path = `/load?perSecond=${(LIMIT * OVERLOAD) / services.length}&seconds=${seconds}`;
  const answers = await Promise.all(
    services.map(async ({ http }) => {
      const { status, body } = await http.get(path, { 'x-request-timeout-ms': '30000' });
      expect(status).toBe(200);
      return body as Load;
    }),
  );
  return {
    allowed: answers.reduce((sum, { allowed }) => sum + allowed, 0),
    timesMs: answers.flatMap(({ timesMs }) => timesMs).toSorted((a, b) => a - b),
    beganAt: Math.min(...answers.map(({ beganAt }) => beganAt)),
    endedAt: Math.max(...answers.map(({ endedAt }) => endedAt)),
  };
}

test(
  `eight processes on one Redis let ${LIMIT}/s through together, under ${OVERLOAD} times as many calls`,
  { timeout: 240_000 },
  async () => {
    await using redis = await RedisServer.start();
    // Many processes on few cores: what is measured is the sum, not how fast Redis gets its turn.
    const env = { REDIS_URL: redis.url, RATE_LIMIT_POLICIES: POLICIES, REDIS_COMMAND_TIMEOUT_MS: '2000' };
    await using processes = new AsyncDisposableStack();
    const services: ServiceProcess[] = [];
    // One after the other: a start keeps a core busy.
    for (let index = 0; index < INSTANCES; index++) {
      const service = processes.use(await startProcess({ program, env, keepsLines: false }));
      await service.ready();
      services.push(service);
    }
    await overload(services, 1);
    await sleep(LEASES_END_MS);
    await redis.command('FLUSHALL');
    const asked = Number(
      /cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))?.[1],
    );
    const { allowed, timesMs, beganAt, endedAt } = await overload(services, SECONDS);
    const trips =
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))?.[1]) - asked;
    const seconds = (endedAt - beganAt) / 1000;
    // The bucket was full at first.
    const quota = LIMIT + LIMIT * seconds;
    const share = allowed / quota - 1;
    const at = (quantile: number): string => (timesMs[Math.floor(timesMs.length * quantile)] ?? 0).toFixed(3);
    process.stdout.write(
      `rate limit: ${allowed} of ${timesMs.length} calls in ${seconds.toFixed(2)} s let through by ${INSTANCES} processes, ` +
        `${(share * 100).toFixed(2)} % against the quota of ${quota.toFixed(0)}; ${trips} questions to Redis; ` +
        `the guard's own time p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
    );
    expect(timesMs.length).toBeGreaterThan(quota);
    expect(share).toBeLessThan(MAX_SHARE_OVER);
    expect(share).toBeGreaterThan(-MAX_SHARE_UNDER);
  },
);
