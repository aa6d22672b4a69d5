import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.js';

const NOW = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT');

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Sun, 06 Nov 1994 08:49:40 GMT', 3000],
  ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['', undefined],
  [undefined, undefined],
  [['1', '2'], undefined],
])('%j is %s ms', (header, ms) => {
  expect(parseRetryAfter(header, NOW)).toBe(ms);
});
