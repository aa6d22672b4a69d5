/**
 * A dependency that answers at once, called under each stack of policies in turn, within a call as a service has one.
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
import { Config, type ChassisConfig } from '#chassis/config';
import { HttpCall, runInCall } from '#chassis/context';
import { MetricsRegistry } from '#chassis/metrics';
import { createPolicy, PolicyRegistry, ResilienceModule, type PolicyOptions } from '#chassis/resilience';
import { tellCosts } from '../shared/costs.js';

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

const stacks = new Map([
  ['none', work],
  ['none-again', () => work()],
  ['chassis', await chassisInService()],
  ['chassis-alone', chassis(ALL_FOUR)],
  ['chassis-without-retry', chassis(BREAKER_BULKHEAD_TIMEOUT)],
  ['cockatiel', cockatiel()],
  ['opossum', opossum()],
]);
await runInCall(new HttpCall('bench', 'GET', '/'), () => tellCosts(stacks));
// Opossum's statistics keep timers.
process.exit();
