import { fillRandom } from './random-bytes.js';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** The header and metadata key that carries the request id in and out. */
export const REQUEST_ID_HEADER = 'x-request-id';

const DIGITS = Buffer.from('0123456789abcdef');
const UUID_BYTES = 16;
const UUID_LENGTH = 36;
/** Ids are made so many at a time: each is cut from a text that holds all of them. */
const BATCH = 32;
const random = Buffer.allocUnsafeSlow(BATCH * UUID_BYTES);
const digits = Buffer.from('00000000-0000-0000-0000-000000000000'.repeat(BATCH));
/** Where each byte's two digits stand in an id. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
let text = '';
let at = 0;

/** The caller's request id when it is 1–128 visible ASCII characters, otherwise a new UUID. */
export function acceptRequestId(offered: unknown): string {
  return typeof offered === 'string' && VISIBLE_ASCII.test(offered) ? offered : newUuid();
}

/** A random UUID: `crypto.randomUUID` joins twenty strings, which costs half a kilobyte a call. */
function newUuid(): string {
  if (at === text.length) {
    text = newUuids();
    at = 0;
  }
  at += UUID_LENGTH;
  return text.slice(at - UUID_LENGTH, at);
}

/** Source: RFC 9562, section 5.4 (version 4). */
function newUuids(): string {
  fillRandom(random);
  for (let id = 0; id < BATCH; id++) {
    const from = id * UUID_BYTES;
    random[from + 6] = ((random[from + 6] ?? 0) & 0x0f) | 0x40;
    random[from + 8] = ((random[from + 8] ?? 0) & 0x3f) | 0x80;
    for (let index = 0; index < UUID_BYTES; index++) {
      const byte = random[from + index] ?? 0;
      const place = id * UUID_LENGTH + (PLACES[index] ?? 0);
      digits[place] = DIGITS[byte >> 4] ?? 0;
      digits[place + 1] = DIGITS[byte & 0xf] ?? 0;
    }
  }
  return digits.toString('latin1');
}
