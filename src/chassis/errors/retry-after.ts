import type { Metadata } from '@grpc/grpc-js';
import { RetryInfo } from '../../generated/google/rpc/error_details.js';
import { Status } from '../../generated/google/rpc/status.js';

const DETAILS_KEY = 'grpc-status-details-bin';
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const SECONDS = /^\d{1,9}$/;

/**
 * Milliseconds of a `Retry-After` header, in seconds or as a date; `undefined` when it is absent or malformed.
 * Source: RFC 9110, 10.2.3
 */
export function parseRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (SECONDS.test(header)) return Number(header) * 1000;
  // Alone `Date.parse` takes nearly anything for a date: "-1" is a month.
  const date = header.endsWith(' GMT') ? Date.parse(header) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/**
 * Milliseconds of the `RetryInfo` among the details of a gRPC status, 0 where it names none; `undefined` when there is no
 * such detail, or none that can be read. Source: https://google.aip.dev/193
 */
export function retryInfoOf(trailers: Metadata | undefined): number | undefined {
  const [bytes] = trailers?.get(DETAILS_KEY) ?? [];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const info = Status.decode(bytes).details.find(({ typeUrl }) => typeUrl === RETRY_INFO);
    if (!info) return undefined;
    const { seconds = 0, nanos = 0 } = RetryInfo.decode(info.value).retryDelay ?? {};
    return Math.max(0, seconds * 1000 + Math.ceil(nanos / 1e6));
  } catch {
    // Details of a server that knows no better: the status itself is there.
    return undefined;
  }
}
