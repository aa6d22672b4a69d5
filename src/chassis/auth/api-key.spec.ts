import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createApiKey, readApiKeyId } from './api-key.js';

test('a new key has its id in it, and what is kept is its digest', () => {
  const { id, key, sha256 } = createApiKey('nck');
  expect(key).toMatch(/^nck_[0-9a-f]{12}_[A-Za-z0-9]{43}$/);
  expect(readApiKeyId(key)).toBe(id);
  expect(sha256).toBe(hash('sha256', key));
});

test('a thousand keys are all different, and their secrets use every character', () => {
  const keys = Array.from({ length: 1000 }, () => createApiKey('a'));
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1000);
  expect(new Set(keys.flatMap(({ key }) => key.slice(-42).split(''))).size).toBe(62);
});

test.each(['', 'A', 'a_b', 'a'.repeat(17)])('%j is no prefix', (prefix) => {
  expect(() => createApiKey(prefix)).toThrow(/prefix/);
});

test.each(['', '__', 'nck_1234_x', `nck_12345678_${'a'.repeat(42)}`, `nck_12345678_${'a'.repeat(43)}\n`])(
  '%j is no key',
  (key) => {
    expect(readApiKeyId(key)).toBeUndefined();
  },
);
