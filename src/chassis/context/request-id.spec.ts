import { expect, test } from 'vitest';
import { acceptRequestId } from './request-id.js';

test.each(['a', 'x'.repeat(128), '!~"{}|', '00-abc-01'])('%s is accepted', (id) => {
  expect(acceptRequestId(id)).toBe(id);
});

test.each([undefined, '', ' ', 'a b', 'a\n', 'x'.repeat(129), 'é', 7, ['a']])('%j is replaced', (id) => {
  expect(acceptRequestId(id)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
