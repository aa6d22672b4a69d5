import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IN_FLIGHT_MAX_AGE_MS, InFlight } from './in-flight.js';

const CLASSES = 3;

test('counts the calls that began in the last ten seconds and have not ended, as a list of them does', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 4000 }),
    rank: fc.integer({ min: 0, max: CLASSES - 1 }),
    /** Ends the oldest call that is open, where it is no new one. */
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counted = new InFlight(CLASSES);
      const open: { rank: number; beganMs: number }[] = [];
      let now = 5000;
      for (const { waitMs, rank, ends } of steps) {
        now += waitMs;
        counted.slideTo(now);
        const oldest = ends ? open.shift() : undefined;
        if (oldest) counted.end(oldest.rank, oldest.beganMs);
        else {
          counted.begin(rank, now);
          open.push({ rank, beganMs: now });
        }
        // Whole seconds leave together.
        const second = Math.floor(now / 1000) - IN_FLIGHT_MAX_AGE_MS / 1000;
        const young = open.filter(({ beganMs }) => Math.floor(beganMs / 1000) > second);
        for (let each = 0; each < CLASSES; each++)
          expect(counted.of(each)).toBe(young.filter((call) => call.rank === each).length);
        expect(counted.total).toBe(young.length);
      }
    }),
    { numRuns: 1000 },
  );
});
