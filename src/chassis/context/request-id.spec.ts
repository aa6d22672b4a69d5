import { expect, test } from 'vitest';
import { acceptRequestId } from './request-id.js';

test.each(['a', 'x'.repeat(128), '!~"{}|', '00-abc-01'])('%s is accepted', (id) => {
  expect(acceptRequestId(id)).toBe(id);
});

test.each([undefined, '', ' ', 'a b', 'a\n', 'x'.repeat(129), 'é', 7, ['a']])('%j is replaced', (id) => {
  expect(acceptRequestId(id)).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test('10,000 new ids are all different', () => {
  const ids = Array.from({ length: 10_000 }, () => acceptRequestId(undefined));
  expect(new Set(ids).size).toBe(10_000);
});
