import { expect, test } from 'vitest';
import { BoundedTable } from './bounded-table.js';
import { TokenBucket } from './token-bucket.js';

const RATE = { intervalMs: 100, capacityMs: 1000 };
const createTable = (max: number) => new BoundedTable(max, () => new TokenBucket());

test('a flood of keys stays within the bound, and forgets full buckets without a loss', () => {
  const table = createTable(10_000);
  for (let at = 0; at < 100_000; at++) table.find(`flood-${at}`, at).take(RATE, 1, at);
  // A hundred milliseconds after its one call a bucket is full again: those that are alive are few.
  expect(table.size).toBeLessThan(4500);
  expect(table.evictions).toBe(0);
});

const FLOOD = 1_000_000;

test('at the bound the fuller ones go, so that who has spent most is remembered', () => {
  const table = createTable(1000);
  table.find('spender', 0).take(RATE, 1_000_000, 0);
  for (let index = 0; index < FLOOD; index++) table.find(`flood-${index}`, 0).take(RATE, 1, 0);
  expect(table.size).toBe(1000);
  expect(table.evictions).toBe(FLOOD + 1 - 1000);
  expect(table.find('spender', 0).waitMs(RATE, 1, 0)).toBeGreaterThan(0);
});

test('the same key has the same bucket', () => {
  const table = createTable(10);
  expect(table.find('a', 0)).toBe(table.find('a', 0));
  expect(table.size).toBe(1);
});
