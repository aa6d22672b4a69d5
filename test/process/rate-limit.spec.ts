import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HealthCheckRequest } from '#generated/grpc/health/v1/health';
import { RedisServer } from '../support/redis.js';
import { Scrape } from '../support/scrape.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const INSTANCES = 8;
/** Tokens a second, and for how long. */
const [LIMIT, SECONDS] = process.env['SOAK'] ? [1000, 10] : [300, 5];
const BURST = LIMIT / 20;
const OVERLOAD = 3;
const TICK_MS = 10;
/** Every fifth call is gRPC. */
const GRPC_SHARE = 5;
const POLICIES = JSON.stringify([{ name: 'shared', limit: LIMIT, burst: BURST, by: 'all' }]);
const ECHO = {
  path: '/echo.v1.EchoService/Echo',
  requestSerialize: (message: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(message).finish()),
  responseDeserialize: () => undefined,
};

const program = join(import.meta.dirname, 'fixtures/echo-service.ts');

interface Tally {
  allowed: number;
  refused: number;
  readonly failures: string[];
}

function callRest(agent: Agent, service: ServiceProcess, tally: Tally): Promise<void> {
  const [host, port] = service.address('http').split(':');
  return new Promise((resolve) => {
    const call = request({ agent, host, port, path: '/echo/word' }, (response) => {
      if (response.statusCode === 200) tally.allowed += 1;
      else if (response.statusCode === 429) tally.refused += 1;
      else tally.failures.push(String(response.statusCode));
      response.resume();
      response.once('end', resolve);
    });
    call.once('error', (error) => {
      tally.failures.push(error.message);
      resolve();
    });
    call.end();
  });
}

async function callGrpc(service: ServiceProcess, tally: Tally): Promise<void> {
  try {
    await service.grpc.unary(ECHO, { service: 'word' });
    tally.allowed += 1;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 8) tally.refused += 1;
    else tally.failures.push(String(error));
  }
}

/** Sends at a steady pace to all of them, whatever they answer; resolves when all have answered. */
async function overload(
  services: readonly ServiceProcess[],
  seconds: number,
): Promise<Tally & { seconds: number }> {
  const tally: Tally = { allowed: 0, refused: 0, failures: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const calls: Promise<void>[] = [];
  const begin = performance.now();
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - begin) {
    const due = Math.floor((elapsed / 1000) * LIMIT * OVERLOAD);
    while (calls.length < due) {
      const service = services[calls.length % services.length] as ServiceProcess;
      const isGrpc = Math.floor(calls.length / services.length) % GRPC_SHARE === 0;
      calls.push(isGrpc ? callGrpc(service, tally) : callRest(agent, service, tally));
    }
    await sleep(TICK_MS);
  }
  await Promise.all(calls);
  agent.destroy();
  return { ...tally, seconds: (performance.now() - begin) / 1000 };
}

/** The bound of the histogram's bucket, in seconds, within which 99 % of all decisions were made. */
async function guardTimes(services: readonly ServiceProcess[]): Promise<string> {
  let waited = 0;
  let decisions = 0;
  const within = new Map<string, number>();
  for (const service of services) {
    const scraped = await Scrape.of(service);
    decisions += scraped.sum('rate_limit_decisions_total');
    waited += scraped.sum('rate_limit_wait_seconds_count');
    for (const { labels, value } of scraped.find('rate_limit_wait_seconds_bucket'))
      within.set(labels['le'] ?? '', (within.get(labels['le'] ?? '') ?? 0) + value);
  }
  const enough = decisions * 0.99 - (decisions - waited);
  const p99 = [...within].find(([, count]) => count >= enough)?.[0] ?? '?';
  return `${((waited / decisions) * 100).toFixed(1)} % of the decisions asked Redis; p99 of all ≤ ${p99} s`;
}

test(
  `eight processes on one Redis let ${LIMIT}/s through together, under ${OVERLOAD} times as many calls`,
  { timeout: 240_000 },
  async () => {
    await using redis = await RedisServer.start();
    const env = {
      REDIS_URL: redis.url,
      RATE_LIMIT_POLICIES: POLICIES,
      LOG_CALL_SAMPLE_RATIO: '0',
      LOG_LEVEL: 'info',
      // Eight processes on few cores: what is measured is the sum, not the machine.
      REDIS_COMMAND_TIMEOUT_MS: '2000',
    };
    await using processes = new AsyncDisposableStack();
    const services: ServiceProcess[] = [];
    // One after the other: a start keeps a core busy.
    for (let index = 0; index < INSTANCES; index++) {
      const service = processes.use(await startProcess({ program, env, keepsLines: false }));
      await service.ready();
      services.push(service);
    }
    await overload(services, 1);
    await sleep(500);
    const { allowed, refused, failures, seconds } = await overload(services, SECONDS);
    const quota = BURST + LIMIT * seconds;
    const share = allowed / quota - 1;
    process.stdout.write(
      `rate limit: ${allowed} of ${allowed + refused} calls in ${seconds.toFixed(2)} s let through by ${INSTANCES} processes, ` +
        `${(share * 100).toFixed(2)} % against the quota of ${quota.toFixed(0)} with its burst, ` +
        `${((allowed / (LIMIT * seconds) - 1) * 100).toFixed(2)} % without; ${await guardTimes(services)}\n`,
    );
    expect(failures).toEqual([]);
    expect(Math.abs(share)).toBeLessThan(0.012);
  },
);
