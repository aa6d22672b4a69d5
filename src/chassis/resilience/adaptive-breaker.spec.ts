import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdaptiveBreaker, type AdaptiveRule } from './adaptive-breaker.js';
import { REFUSED } from './state-breaker.js';

const RULE: AdaptiveRule = {
  strategy: 'adaptive',
  k: 1.5,
  protection: 5,
  statIntervalMs: 10_000,
  statBuckets: 40,
  forcePassMs: 1000,
};

const step = fc.record({
  pauseMs: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 4000 })),
  chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  isFailed: fc.boolean(),
});

test('it refuses what the formula says, of all calls of the window', () => {
  const property = fc.property(
    fc.array(step, { maxLength: 100 }),
    fc.double({ min: 1, max: 3, noNaN: true }),
    (steps, k) => {
      let chance = 0;
      const rule = { ...RULE, k };
      const breaker = new AdaptiveBreaker(rule, () => chance);
      const calls: { at: number; end: 'accepted' | 'failed' | 'refused' }[] = [];
      let now = 1e6;
      let passedAt = -Infinity;
      for (const { pauseMs, chance: next, isFailed } of steps) {
        now += pauseMs;
        chance = next;
        const part = (at: number): number => Math.floor(at / 250);
        const inside = calls.filter(({ at }) => part(at) > part(now) - 40);
        const accepts = inside.filter(({ end }) => end === 'accepted').length;
        let flawless = 0;
        for (let newest = part(now); newest > part(now) - 40; newest--) {
          const ends = new Set(inside.filter(({ at }) => part(at) === newest).map(({ end }) => end));
          if (ends.has('failed')) break;
          flawless += Number(ends.has('accepted'));
        }
        const share = Math.max(0, (inside.length - 5 - k * accepts) / (inside.length + 1));
        const ratio = share * (1 - flawless / 40);
        const isRefused = chance < ratio && now - passedAt < 1000;
        expect(breaker.refusalRatio(now)).toBeCloseTo(ratio, 10);
        const ticket = breaker.enter(now);
        expect(ticket === REFUSED).toBe(isRefused);
        expect(breaker.state).toBe(ratio > 0 ? 'half-open' : 'closed');
        calls.push({ at: now, end: isRefused ? 'refused' : isFailed ? 'failed' : 'accepted' });
        if (isRefused) continue;
        passedAt = now;
        breaker.settle(ticket, now, isFailed);
      }
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

/** Spreads failures evenly. */
function failsNow(index: number, share: number): boolean {
  return Math.floor((index + 1) * share) > Math.floor(index * share);
}

/** Calls a second for `seconds`, of which the given share fails; how many were let through in the last ten. */
function letThrough(breaker: AdaptiveBreaker, from: number, seconds: number, failing: number): number {
  let through = 0;
  for (let index = 0; index < seconds * 100; index++) {
    const now = from + index * 10;
    const ticket = breaker.enter(now);
    if (ticket === REFUSED) continue;
    if (index >= (seconds - 10) * 100) through += 1;
    breaker.settle(ticket, now, failsNow(index, failing));
  }
  return through;
}

describe('a dependency', () => {
  test('that fails a third of its calls gets them all', () => {
    expect(letThrough(new AdaptiveBreaker(RULE, () => 0), 1e6, 30, 0.33)).toBe(1000);
  });

  test('that is down gets few: one a second, and those that chance lets through', () => {
    expect(letThrough(new AdaptiveBreaker(RULE, () => 0), 1e6, 30, 1)).toBe(10);
    expect(letThrough(new AdaptiveBreaker(RULE), 1e6, 30, 1)).toBeLessThan(60);
  });

  test('that has recovered gets all its calls again within the window', () => {
    const breaker = new AdaptiveBreaker(RULE);
    letThrough(breaker, 1e6, 30, 1);
    letThrough(breaker, 1e6 + 30_000, 12, 0);
    expect(letThrough(breaker, 1e6 + 42_000, 10, 0)).toBe(1000);
    expect(breaker.state).toBe('closed');
  });
});

test('a quiet service is never held back', () => {
  const breaker = new AdaptiveBreaker(RULE, () => 0);
  for (let index = 0; index < 20; index++) {
    const ticket = breaker.enter(1e6 + index * 2000);
    expect(ticket).not.toBe(REFUSED);
    breaker.settle(ticket, 1e6 + index * 2000, true);
  }
});
