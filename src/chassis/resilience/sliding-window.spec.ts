import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from './sliding-window.js';

interface Ended {
  readonly at: number;
  readonly isFailed: boolean;
  readonly isFlagged: boolean;
}

const history = fc.array(
  fc.record({
    pauseMs: fc.oneof(fc.double({ min: 0, max: 50, noNaN: true }), fc.integer({ min: 0, max: 3000 })),
    isFailed: fc.boolean(),
    isFlagged: fc.boolean(),
  }),
  { maxLength: 80 },
);

/** The plain form: every call is remembered with its time. */
function countsOf(ended: readonly Ended[], now: number, spanMs: number, buckets: number): number[] {
  const partOf = (at: number): number => Math.floor(at / (spanMs / buckets));
  const inside = ended.filter(({ at }) => partOf(at) > partOf(now) - buckets);
  return [
    inside.length,
    inside.filter((one) => one.isFailed).length,
    inside.filter((one) => one.isFlagged).length,
  ];
}

test('it counts what a list of all calls would count', () => {
  const property = fc.property(
    history,
    fc.integer({ min: 10, max: 10_000 }),
    fc.integer({ min: 1, max: 40 }),
    (steps, spanMs, buckets) => {
      const window = new SlidingWindow(spanMs, buckets);
      const ended: Ended[] = [];
      let now = 1e6;
      for (const { pauseMs, isFailed, isFlagged } of steps) {
        now += pauseMs;
        window.add(now, isFailed, isFlagged);
        ended.push({ at: now, isFailed, isFlagged });
        expect([window.total, window.failed, window.flagged]).toEqual(countsOf(ended, now, spanMs, buckets));
      }
      now += spanMs / 2;
      window.slideTo(now);
      expect([window.total, window.failed, window.flagged]).toEqual(countsOf(ended, now, spanMs, buckets));
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test('after its span it is empty, and time that goes back changes nothing', () => {
  const window = new SlidingWindow(1000, 10);
  window.add(5000, true, true);
  window.slideTo(4000);
  expect([window.total, window.failed, window.flagged]).toEqual([1, 1, 1]);
  window.slideTo(6000);
  expect([window.total, window.failed, window.flagged]).toEqual([0, 0, 0]);
});
