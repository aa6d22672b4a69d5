import { isUtf8 } from 'node:buffer';
import { parseUniqueJson } from './unique-json.js';

/** What the protected header of a token says about its signature. */
export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

const PART = /^[A-Za-z0-9_-]+$/;
const TYPES: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);
const MAX_KEY_ID_LENGTH = 256;

/**
 * The header of a compact JWS, read more strictly than libraries do: three parts of canonical base64url,
 * JSON objects without repeated names, no extension that must be understood (`crit`), a type that is an
 * access token's. Where keys come from is ours to know: `jku`, `jwk`, `x5u` and `x5c` are not looked at.
 * Source: RFC 7515, section 4.1; RFC 8725, sections 3.1 to 3.11; RFC 9068, section 4.
 * @returns `undefined` for anything else
 */
export function readTokenHeader(token: string): TokenHeader | undefined {
  const parts = token.split('.', 4);
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.map(decode);
  if (!parts.every(isCanonical) || header === undefined || claims === undefined) return undefined;
  const fields = parseUniqueJson(header);
  if (!fields || !parseUniqueJson(claims)) return undefined;
  const { alg, kid, typ, crit, b64 } = fields;
  if (typeof alg !== 'string' || crit !== undefined || b64 !== undefined) return undefined;
  if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) return undefined;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KEY_ID_LENGTH)) return undefined;
  return { alg, kid };
}

function decode(part: string): string | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

/** One text for the same bytes: a token has no second spelling. */
function isCanonical(part: string): boolean {
  return PART.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part;
}
