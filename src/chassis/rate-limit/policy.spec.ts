import { describe, expect, test } from 'vitest';
import { MetricsRegistry } from '../metrics/index.js';
import { Policy, type Quota } from './policy.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';

/** Tokens come minutes apart: no time of the test's own gives one. */
const DAY_MS = 86_400_000;
const quotaOf = (limit: number, burst: number): Quota => ({ limit, windowMs: DAY_MS, burst });

function create(quota: Quota, processes = 1): Policy {
  const counts = new RateLimitMetrics(new MetricsRegistry()).countsOf('p');
  return new Policy('p', quota, 100, counts, processes);
}

function spend(policy: Policy, tokens: number): void {
  const now = performance.now();
  policy.buckets.find('a', now).take(policy.local, tokens, now);
}

function free(policy: Policy): number {
  const now = performance.now();
  return policy.buckets.find('a', now).free(policy.local, now);
}

describe('after a change of the limit the same part of a bucket is taken', () => {
  test.each([
    ['a lower one', quotaOf(1000, 8), quotaOf(10, 8), 2],
    ['a higher one', quotaOf(10, 8), quotaOf(1000, 8), 2],
    ['another window', quotaOf(100, 8), { ...quotaOf(100, 8), windowMs: DAY_MS / 10 }, 2],
    ['a larger burst', quotaOf(100, 8), quotaOf(100, 16), 4],
    ['a smaller burst', quotaOf(100, 8), quotaOf(100, 4), 1],
    ['all of it doubled', quotaOf(100, 8), quotaOf(200, 16), 4],
    ['the same', quotaOf(100, 8), quotaOf(100, 8), 2],
  ])('%s', (_what, before, after, left) => {
    const policy = create(before);
    spend(policy, 6);
    policy.change(after);
    expect(free(policy)).toBe(left);
  });

  test('where the limit is divided among processes', () => {
    const policy = create(quotaOf(1000, 8), 4);
    spend(policy, 2);
    expect(free(policy)).toBe(0);
    policy.change(quotaOf(10, 8));
    expect(free(policy)).toBe(0);
    policy.change(quotaOf(1000, 16));
    expect(free(policy)).toBe(0);
  });
});
