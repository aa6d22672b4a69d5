import { createPublicKey, createSecretKey, hash, type JsonWebKeyInput, type KeyObject } from 'node:crypto';

/** What is looked at of a key before Node reads it. */
interface Jwk {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly crv?: string;
  readonly kid?: unknown;
  readonly alg?: unknown;
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 16_384;
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const CURVE_ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

/** A key and all that it may verify: what a token says of its algorithm is held against this. */
export class VerificationKey {
  /** False once its issuer has withdrawn it: what it has verified before counts no longer. */
  isCurrent = true;

  constructor(
    readonly id: string | undefined,
    readonly key: KeyObject,
    readonly algorithms: ReadonlySet<string>,
    /** Same key, id and algorithms, same fingerprint. */
    readonly fingerprint: string,
  ) {}
}

/**
 * A public signature key of a JWKS, restricted to `allowed` algorithms.
 * @returns `undefined` for every other key: symmetric, private, for encryption, weak, of an unknown kind
 */
export function toVerificationKey(jwk: unknown, allowed: readonly string[]): VerificationKey | undefined {
  if (!isPublicSignatureKey(jwk)) return undefined;
  const { kty, crv, kid, alg } = jwk;
  const possible = kty === 'RSA' ? RSA_ALGORITHMS : (CURVE_ALGORITHMS[crv ?? ''] ?? []);
  const algorithms = possible.filter((name) => allowed.includes(name) && (alg === undefined || alg === name));
  const key = algorithms.length > 0 ? toPublicKey(jwk) : undefined;
  if (!key) return undefined;
  const id = typeof kid === 'string' ? kid : undefined;
  const bytes = key.export({ type: 'spki', format: 'der' });
  const fingerprint = `${hash('sha256', bytes)} ${algorithms.join()} ${id}`;
  return new VerificationKey(id, key, new Set(algorithms), fingerprint);
}

/** The shared secret, for HS256 and nothing else. */
export function toSecretKey(secret: string): VerificationKey {
  const key = createSecretKey(Buffer.from(secret));
  return new VerificationKey(undefined, key, new Set(['HS256']), 'secret');
}

function isPublicSignatureKey(jwk: unknown): jwk is Jwk {
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk || 'k' in jwk) return false;
  const { kty, use, key_ops: operations } = jwk as Readonly<Record<string, unknown>>;
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return false;
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

function toPublicKey(jwk: Jwk): KeyObject | undefined {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { ...jwk } as JsonWebKeyInput['key'], format: 'jwk' });
  } catch {
    // A key that cannot be read is one that is not there; the others of the set stay good.
    return undefined;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) ? undefined : key;
}
