/**
 * A dependency that answers at once, called under each stack of policies in turn, within a call as a service has one.
 * Writes `{ name: [CPU µs a call, round by round] }` to standard output; `--rounds=5`.
 */
import {
  bulkhead,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  SamplingBreaker,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import OpossumBreaker from 'opossum';
import { parseArgs } from 'node:util';
import { Config, type ChassisConfig } from '#chassis/config';
import { HttpCall, runInCall } from '#chassis/context';
import { MetricsRegistry } from '#chassis/metrics';
import { createPolicy, PolicyRegistry, ResilienceModule, type PolicyOptions } from '#chassis/resilience';

const WARM_UP_CALLS = 50_000;
/** A round has short turns, so that a machine's slow moments hit all alike. */
const TURNS = 10;
const CALLS = 5000;
const TIMEOUT_MS = 1000;
const PLACES = 100;

type Stack = () => Promise<number>;

let answers = 0;
const work = async (): Promise<number> => ++answers;

const BREAKER_BULKHEAD_TIMEOUT: PolicyOptions = { breaker: {}, bulkhead: {}, timeoutMs: TIMEOUT_MS };
const ALL_FOUR: PolicyOptions = { ...BREAKER_BULKHEAD_TIMEOUT, retry: {} };

/** A policy that nobody watches. */
function chassis(options: PolicyOptions): Stack {
  const policy = createPolicy('chassis', options);
  return () => policy.run(work);
}

class BenchModule {
  readonly name = 'bench';
}

/** As in a service: counted in metrics, told in spans. */
async function chassisInService(): Promise<Stack> {
  const policies = new PolicyRegistry(
    new Config({ RESILIENCE_POLICIES: [] } as unknown as ChassisConfig, new Map()),
  );
  const metrics = {
    module: MetricsRegistry,
    global: true,
    providers: [MetricsRegistry],
    exports: [MetricsRegistry],
  };
  const module = { module: BenchModule, imports: [metrics, ResilienceModule.forRoot(policies)] };
  await NestFactory.createApplicationContext(module, { logger: false });
  const policy = policies.define('chassis', ALL_FOUR);
  return () => policy.run(work);
}

/** The same four. */
function cockatiel(): Stack {
  const policy = wrap(
    retry(handleAll, {
      maxAttempts: 2,
      backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }),
    }),
    circuitBreaker(handleAll, {
      halfOpenAfter: 5000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 1 }),
    }),
    bulkhead(PLACES),
    timeout(TIMEOUT_MS, TimeoutStrategy.Aggressive),
  );
  return () => policy.execute(work);
}

/** Circuit breaker, bulkhead, timeout: it has no retries. */
function opossum(): Stack {
  const breaker = new OpossumBreaker(work, {
    timeout: TIMEOUT_MS,
    errorThresholdPercentage: 50,
    resetTimeout: 5000,
    capacity: PLACES,
  });
  return () => breaker.fire();
}

async function callMany(stack: Stack, calls: number): Promise<void> {
  for (let call = 0; call < calls; call++) await stack();
}

async function cpuMicrosecondsOf(stack: Stack): Promise<number> {
  const before = process.cpuUsage();
  await callMany(stack, CALLS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

async function runRounds(
  stacks: ReadonlyMap<string, Stack>,
  rounds: number,
): Promise<Record<string, number[]>> {
  const names = [...stacks.keys()];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (const stack of stacks.values()) await callMany(stack, WARM_UP_CALLS);
  for (let round = 0; round < rounds; round++) {
    const sums = new Map(names.map((name) => [name, 0]));
    for (let turn = 0; turn < TURNS; turn++)
      for (const [place] of names.entries()) {
        const name = names[(place + turn) % names.length] ?? '';
        const stack = stacks.get(name) ?? work;
        sums.set(name, (sums.get(name) ?? 0) + (await cpuMicrosecondsOf(stack)) / TURNS);
      }
    for (const [name, sum] of sums) measured[name]?.push(sum);
  }
  return measured;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const stacks = new Map([
  ['none', work],
  ['none-again', () => work()],
  ['chassis', await chassisInService()],
  ['chassis-alone', chassis(ALL_FOUR)],
  ['chassis-without-retry', chassis(BREAKER_BULKHEAD_TIMEOUT)],
  ['cockatiel', cockatiel()],
  ['opossum', opossum()],
]);
const measured = await runInCall(new HttpCall('bench', 'GET', '/'), () =>
  runRounds(stacks, Number(values.rounds)),
);
process.stdout.write(JSON.stringify(measured));
// Opossum's statistics keep timers.
process.exit();
