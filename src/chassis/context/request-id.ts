import { randomUUID } from 'node:crypto';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** The header and metadata key that carries the request id in and out. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** The caller's request id when it is 1–128 visible ASCII characters, otherwise a new UUID. */
export function acceptRequestId(offered: unknown): string {
  return typeof offered === 'string' && VISIBLE_ASCII.test(offered) ? offered : randomUUID();
}
