import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.js';

test('in any stretch of calls the retries stay within burst + ratio × first attempts', () => {
  const property = fc.property(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 20 }),
    fc.array(fc.constantFrom('call', 'retry'), { maxLength: 200 }),
    (ratio, burst, steps) => {
      const budget = new RetryBudget({ ratio, burst });
      const made: { calls: number; retries: number }[] = [{ calls: 0, retries: 0 }];
      for (const step of steps) {
        let { calls, retries } = made.at(-1) ?? { calls: 0, retries: 0 };
        if (step === 'call') {
          budget.deposit();
          calls += 1;
        } else if (budget.tryWithdraw()) retries += 1;
        for (const before of made)
          expect(retries - before.retries).toBeLessThanOrEqual(burst + ratio * (calls - before.calls) + 1e-9);
        made.push({ calls, retries });
      }
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test('it pays what a plain account of its history says', () => {
  const property = fc.property(
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 0, max: 20 }),
    fc.array(fc.constantFrom('call', 'call', 'call', 'retry'), { maxLength: 200 }),
    (thousandths, burst, steps) => {
      const budget = new RetryBudget({ ratio: thousandths / 1000, burst });
      const history: string[] = [];
      for (const step of steps) {
        // The whole history again each time, in whole thousandths.
        let left = burst * 1000;
        for (const past of history)
          left = past === 'call' ? Math.min(burst * 1000, left + thousandths) : left - 1000;
        expect(budget.tokens).toBe(left / 1000);
        if (step === 'call') budget.deposit();
        else expect(budget.tryWithdraw()).toBe(left >= 1000);
        if (step === 'call' || left >= 1000) history.push(step);
      }
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test('who always wants to retry gets all of the budget, and no more', () => {
  const budget = new RetryBudget({ ratio: 0.1, burst: 10 });
  let retries = 0;
  for (let call = 0; call < 10_000; call++) {
    budget.deposit();
    retries += Number(budget.tryWithdraw());
  }
  expect(retries).toBeGreaterThanOrEqual(1000);
  expect(retries).toBeLessThanOrEqual(1010);
});
