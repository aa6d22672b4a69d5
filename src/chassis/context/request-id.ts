import { randomFillSync } from 'node:crypto';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** The header and metadata key that carries the request id in and out. */
export const REQUEST_ID_HEADER = 'x-request-id';

const DIGITS = Buffer.from('0123456789abcdef');
const UUID_BYTES = 16;
/** Random bytes are fetched for 256 ids at once. */
const pool = Buffer.allocUnsafeSlow(256 * UUID_BYTES);
let used = pool.length;
const text = Buffer.from('00000000-0000-0000-0000-000000000000');
/** Where each byte's two digits stand in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The caller's request id when it is 1–128 visible ASCII characters, otherwise a new UUID. */
export function acceptRequestId(offered: unknown): string {
  return typeof offered === 'string' && VISIBLE_ASCII.test(offered) ? offered : newUuid();
}

/**
 * A random UUID as one flat string: `crypto.randomUUID` joins twenty, which costs half a kilobyte a call.
 * Source: RFC 9562, section 5.4 (version 4).
 */
function newUuid(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  pool[used + 6] = ((pool[used + 6] ?? 0) & 0x0f) | 0x40;
  pool[used + 8] = ((pool[used + 8] ?? 0) & 0x3f) | 0x80;
  for (let index = 0; index < UUID_BYTES; index++) {
    const byte = pool[used + index] ?? 0;
    const at = PLACES[index] ?? 0;
    text[at] = DIGITS[byte >> 4] ?? 0;
    text[at + 1] = DIGITS[byte & 0xf] ?? 0;
  }
  used += UUID_BYTES;
  return text.toString('latin1');
}
