import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitterMs } from './backoff.js';

test('a wait is anywhere between nothing and a bound that doubles up to its maximum', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 2000 }),
    fc.integer({ min: 1, max: 1000 }),
    fc.integer({ min: 1, max: 60_000 }),
    fc.double({ min: 0, max: 0.999, noNaN: true }),
    (retry, baseMs, maxMs, chance) => {
      let bound = baseMs;
      for (let index = 1; index < retry && bound < maxMs; index++) bound *= 2;
      expect(fullJitterMs(retry, { baseMs, maxMs }, () => chance)).toBe(chance * Math.min(bound, maxMs));
    },
  );
  fc.assert(property, { numRuns: 1000 });
});
