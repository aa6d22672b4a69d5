import { randomFillSync } from 'node:crypto';

/** Random bytes are fetched for this many ids at once: one call into OpenSSL costs more than an id. */
const POOL_BYTES = 8192;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/** 16 random bytes as 32 hexadecimal digits. */
export function newTraceId(): string {
  return take(TRACE_ID_BYTES);
}

/** 8 random bytes as 16 hexadecimal digits. */
export function newSpanId(): string {
  return take(SPAN_ID_BYTES);
}

function take(bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
