import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenCache } from './token-cache.js';

test('what is in use stays while others pass through', () => {
  const cache = new TokenCache<number>(10);
  cache.set('kept', 1);
  for (let index = 0; index < 1000; index++) {
    cache.set(`passing-${index}`, index);
    expect(cache.get('kept')).toBe(1);
  }
  expect(cache.size).toBeLessThanOrEqual(10);
});

test('it never holds more than its size, nor a value that was not set last', () => {
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.array(step, { maxLength: 200 }), (size, steps) => {
      const cache = new TokenCache<number>(size);
      const last = new Map<string, number>();
      for (const [index, [action, number]] of steps.entries()) {
        const key = String(number);
        if (action === 'set') {
          cache.set(key, index);
          last.set(key, index);
          expect(cache.get(key)).toBe(index);
        } else if (action === 'delete') {
          cache.delete(key);
          last.delete(key);
        }
        expect([undefined, last.get(key)]).toContain(cache.get(key));
        expect(cache.size).toBeLessThanOrEqual(size);
      }
    }),
  );
});
