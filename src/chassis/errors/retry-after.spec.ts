import { Metadata } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { RetryInfo } from '../../generated/google/rpc/error_details.js';
import { Status } from '../../generated/google/rpc/status.js';
import { parseRetryAfter, retryInfoOf } from './retry-after.js';

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

test.each([
  [{ seconds: 1, nanos: 1 }, 1001],
  [{ seconds: -5, nanos: 0 }, 0],
  [undefined, 0],
])('a RetryInfo of %j is %s ms', (retryDelay, ms) => {
  const value = RetryInfo.encode({ retryDelay }).finish();
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: Buffer.from(value) }];
  const trailers = new Metadata();
  trailers.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode({ code: 14, message: '', details }).finish()),
  );
  expect(retryInfoOf(trailers)).toBe(ms);
});
