import { expect, test } from 'vitest';
import { MetricsRegistry } from '../metrics/index.js';
import { Leases } from './leases.js';
import { Policy } from './policy.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import type { Grant, TokenSource } from './token-source.js';

const QUOTA = { limit: 10, windowMs: 86_400_000, burst: 10 };
const EMPTY: Grant = { granted: 0, left: 0, waitMs: 8_640_000 };

/** Answers when it is told to. */
class HeldSource implements TokenSource {
  readonly name = 'redis';
  readonly isUp = true;
  readonly limitMs = 1000;
  answer = (_grant: Grant): void => {};

  take(): Promise<Grant> {
    return new Promise((resolve) => (this.answer = resolve));
  }

  async giveBack(): Promise<void> {}

  async reset(): Promise<void> {}
}

function setUp() {
  const counts = new RateLimitMetrics(new MetricsRegistry()).countsOf('p');
  const policy = new Policy('p', QUOTA, 100, counts, 1);
  const source = new HeldSource();
  return { policy, source, asked: ask(policy, source) };
}

function ask(policy: Policy, source: TokenSource): Promise<void> {
  const now = performance.now();
  return new Leases(source, 0).fill(policy, 'a', policy.leases.find('a', now), 1, now);
}

function knownWaitMs({ leases }: Policy): number {
  const now = performance.now();
  return leases.find('a', now).knownWaitMs(1, now);
}

test('what is known of an empty store is forgotten when the limit changes', async () => {
  const { policy, source, asked } = setUp();
  source.answer(EMPTY);
  await asked;
  expect(knownWaitMs(policy)).toBeGreaterThan(0);
  policy.change({ ...QUOTA, limit: 1000 });
  expect(knownWaitMs(policy)).toBe(0);
});

test('an answer to what was asked before the change tells nothing of it', async () => {
  const { policy, source, asked } = setUp();
  policy.change({ ...QUOTA, limit: 1000 });
  source.answer(EMPTY);
  await asked;
  expect(knownWaitMs(policy)).toBe(0);
});
