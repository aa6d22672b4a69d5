import type { CallContext } from '../context/index.js';

export const API_KEY_HEADER = 'x-api-key';
const BEARER = 'bearer ';

/**
 * A header of a REST request or a metadata entry of a gRPC call; repeated ones have commas between them. The
 * edges refuse a repeated authorization, of which Node would keep the first.
 */
export function readCredential(
  { headers }: CallContext,
  name: 'authorization' | typeof API_KEY_HEADER,
): string | undefined {
  return headers[name] as string | undefined;
}

/** The token of a Bearer header, empty when there is none; `undefined` for another scheme. Source: RFC 6750, section 2.1. */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.startsWith('Bearer ')) return authorization.slice(BEARER.length);
  const isBearer = `${authorization} `.slice(0, BEARER.length).toLowerCase() === BEARER;
  return isBearer ? authorization.slice(BEARER.length) : undefined;
}
