import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket, type Rate } from './token-bucket.js';

const rateOf = (limit: number, windowMs: number, burst: number): Rate => ({
  intervalMs: windowMs / limit,
  capacityMs: (burst * windowMs) / limit,
});

/** Takes when it may; returns whether it did. */
function tryTake(bucket: TokenBucket, rate: Rate, cost: number, now: number): boolean {
  if (bucket.waitMs(rate, cost, now) > 0) return false;
  bucket.take(rate, cost, now);
  return true;
}

test('a new bucket is full, and gives its burst at once', () => {
  const bucket = new TokenBucket();
  const rate = rateOf(10, 1000, 3);
  expect([1, 2, 3, 4].map(() => tryTake(bucket, rate, 1, 0))).toEqual([true, true, true, false]);
});

test('tokens come one by one, not with a window', () => {
  const bucket = new TokenBucket();
  const rate = rateOf(10, 1000, 1);
  expect(tryTake(bucket, rate, 1, 0)).toBe(true);
  expect(bucket.waitMs(rate, 1, 40)).toBeCloseTo(60);
  expect(tryTake(bucket, rate, 1, 99)).toBe(false);
  expect(tryTake(bucket, rate, 1, 100)).toBe(true);
});

test('what waitMs says is enough, and no more than needed', () => {
  const cost = fc.integer({ min: 1, max: 5 });
  const property = fc.property(fc.integer({ min: 1, max: 1e6 }), cost, cost, (limit, spent, wanted) => {
    const bucket = new TokenBucket();
    const rate = rateOf(limit, 1000, 5);
    bucket.take(rate, spent, 0);
    const wait = bucket.waitMs(rate, wanted, 0);
    expect(bucket.waitMs(rate, wanted, wait)).toBe(0);
    if (wait > 0.001) expect(bucket.waitMs(rate, wanted, wait * 0.99)).toBeGreaterThan(0);
  });
  fc.assert(property);
});

test('a pause gives no more than the burst', () => {
  const bucket = new TokenBucket();
  const rate = rateOf(1000, 1000, 7);
  bucket.take(rate, 7, 0);
  expect(bucket.free(rate, 3_600_000)).toBe(7);
});

test('tokens may come back', () => {
  const bucket = new TokenBucket();
  const rate = rateOf(1, 1000, 5);
  bucket.take(rate, 5, 0);
  bucket.take(rate, -2, 0);
  expect(bucket.free(rate, 0)).toBe(2);
});

test('at another rate the same part of it is taken', () => {
  const bucket = new TokenBucket();
  const [slow, fast] = [rateOf(10, 1000, 8), rateOf(100, 1000, 8)];
  bucket.take(slow, 6, 0);
  bucket.scale(fast.capacityMs / slow.capacityMs, 0);
  expect([bucket.free(fast, 0), bucket.waitMs(fast, 3, 0)]).toEqual([2, 10]);
  bucket.scale(slow.capacityMs / fast.capacityMs, 0);
  expect([bucket.free(slow, 0), bucket.waitMs(slow, 3, 0)]).toEqual([2, 100]);
});

test('a full one is full at every rate', () => {
  const bucket = new TokenBucket();
  bucket.scale(10, 0);
  expect(bucket.free(rateOf(10, 1000, 8), 0)).toBe(8);
});

describe('in any stretch of time', () => {
  const call = fc.record({
    pauseMs: fc.double({ min: 0, max: 200, noNaN: true }),
    cost: fc.integer({ min: 1, max: 4 }),
  });
  const quota = fc.record({
    limit: fc.integer({ min: 1, max: 10_000 }),
    windowMs: fc.integer({ min: 1, max: 60_000 }),
    burst: fc.integer({ min: 1, max: 50 }),
  });

  test('it never gives more than the burst and what came in meanwhile', () => {
    const property = fc.property(
      quota,
      fc.array(call, { maxLength: 60 }),
      ({ limit, windowMs, burst }, calls) => {
        const rate = rateOf(limit, windowMs, burst);
        const bucket = new TokenBucket();
        const taken: { at: number; cost: number }[] = [];
        let now = 1e6;
        for (const { pauseMs, cost } of calls) {
          now += pauseMs;
          if (tryTake(bucket, rate, cost, now)) taken.push({ at: now, cost });
        }
        for (const [first, { at: from }] of taken.entries()) {
          let sum = 0;
          for (const { at, cost } of taken.slice(first)) {
            sum += cost;
            expect(sum).toBeLessThanOrEqual(burst + (at - from) / rate.intervalMs + 1e-3);
          }
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('it gives all of it to who always asks', () => {
    const bucket = new TokenBucket();
    const rate = rateOf(333, 1000, 10);
    let taken = 0;
    for (let now = 0; now <= 60_000; now += 0.5) taken += Number(tryTake(bucket, rate, 1, now));
    expect(taken).toBe(10 + 333 * 60);
  });
});
