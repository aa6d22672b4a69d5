import { expect, test } from 'vitest';
import { CrashBudget } from './crash-budget.js';

test('each crash waits twice as long as the one before, up to a limit', () => {
  const budget = new CrashBudget();
  const delays = Array.from({ length: 8 }, (_, at) => budget.spend(8, at));
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test('more than five crashes in a minute are a loop', () => {
  const budget = new CrashBudget();
  for (let at = 0; at < 5; at++) expect(budget.spend(2, at)).toBeDefined();
  expect(budget.spend(2, 59_000)).toBeUndefined();
});

test('many workers may lose two each before it is a loop', () => {
  const budget = new CrashBudget();
  for (let at = 0; at < 20; at++) expect(budget.spend(10, at)).toBeDefined();
  expect(budget.spend(10, 20)).toBeUndefined();
});

test('what is a minute old does not count', () => {
  const budget = new CrashBudget();
  for (let at = 0; at < 5; at++) budget.spend(1, at);
  expect(budget.spend(1, 60_005)).toBe(100);
});
