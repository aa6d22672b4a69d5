import { generateKeyPairSync, sign } from 'node:crypto';
import { GetItemRequest } from '../generated/items/v1/items.ts';

const CALLERS = 1000;
const KEY_ID = 'bench';
export const ISSUER = 'bench';
export const AUDIENCE = 'items';

/** 1,000 callers, each with an own ES256 token (RFC 7515); every target gets the same requests. */
export interface Callers {
  readonly tokens: readonly string[];
  /** PEM, base64. */
  readonly publicKey: string;
  /** The same key as a JSON Web Key Set (RFC 7517). */
  readonly keySet: string;
}

export function createCallers(): Callers {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const tokens = Array.from({ length: CALLERS }, (_, caller) => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: `caller-${caller}`, iat: now, exp: now + 86_400 };
    const text = `${part({ alg: 'ES256', typ: 'JWT', kid: KEY_ID })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' };
  const keySet = JSON.stringify({ keys: [key] });
  return { tokens, publicKey: Buffer.from(pem).toString('base64'), keySet };
}

export const ITEM_BODY = JSON.stringify({ name: 'New item', priceAmount: 4200, tags: ['blue', 'large'] });

export function getRequests({ tokens }: Callers): Buffer[] {
  return tokens.map((token, place) =>
    Buffer.from(`GET /v1/items/item-${place} HTTP/1.1\r\n${head(token)}\r\n`),
  );
}

export function postRequests({ tokens }: Callers): Buffer[] {
  const entity = `content-type: application/json\r\ncontent-length: ${ITEM_BODY.length}\r\n\r\n${ITEM_BODY}`;
  return tokens.map((token) => Buffer.from(`POST /v1/items HTTP/1.1\r\n${head(token)}${entity}`));
}

function head(token: string): string {
  return `host: 127.0.0.1\r\naccept: application/json\r\nuser-agent: bench\r\nauthorization: Bearer ${token}\r\n`;
}

export function grpcMessages({ tokens }: Callers): Uint8Array[] {
  return tokens.map((_, place) => GetItemRequest.encode({ id: `item-${place}` }).finish());
}
