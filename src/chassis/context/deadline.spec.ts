import { expect, test } from 'vitest';
import { parseGrpcTimeout, parseTimeoutMs } from './deadline.js';

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3000],
  ['99999999m', 99_999_999],
  ['500u', 0.5],
  ['1000000n', 1],
  ['0S', 0],
])('grpc-timeout %s is %d ms', (value, ms) => {
  expect(parseGrpcTimeout(value)).toBeCloseTo(ms, 9);
});

test.each(['', 'S', '1', '1s', '-1S', '1.5S', '123456789S', '1S ', ' 1S', '1SS', '１S'])(
  'grpc-timeout %j is malformed',
  (value) => {
    expect(parseGrpcTimeout(value)).toBeUndefined();
  },
);

test('x-request-timeout-ms is 1 to 10 digits', () => {
  expect(['0', '250', '9999999999'].map(parseTimeoutMs)).toEqual([0, 250, 9_999_999_999]);
  expect(['', '-1', '1e3', '0x10', '10000000000', '1 '].map(parseTimeoutMs)).toEqual(
    Array(6).fill(undefined),
  );
});
