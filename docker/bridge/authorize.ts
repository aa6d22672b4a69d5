import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether the header `authorization` bears this token, compared in constant time. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
