import type { errors } from 'jose';
import type { Principal } from '../context/index.js';
import type { Jwks } from './jwks.js';
import {
  Refusal,
  TOKEN_AUDIENCE_MISMATCH,
  TOKEN_EXPIRED,
  TOKEN_INVALID,
  TOKEN_ISSUER_MISMATCH,
  TOKEN_NOT_YET_VALID,
} from './refusal.js';
import { toPrincipal, type ClaimNames } from './token-claims.js';
import { readTokenHeader } from './token-format.js';
import type { VerificationKey } from './verification-key.js';

const HS256 = 'HS256';

export interface TokenRules {
  readonly issuer: string;
  /** A token needs one of them. */
  readonly audiences: readonly string[];
  /** Seconds. */
  readonly leewayS: number;
  readonly claimNames: ClaimNames;
}

/** What a key says of a token. It holds as long as the key is current. */
export interface Verified {
  readonly verdict: Principal | Refusal;
  /** `undefined` when the token never got as far as a key. */
  readonly key: VerificationKey | undefined;
  /** Epoch milliseconds after which the token has to be looked at again; 0 = at once. */
  readonly until: number;
}

/** Verifies tokens: the form by ourselves, signature and times by jose. */
export class TokenVerifier {
  /** Loaded by those who have tokens to verify. */
  readonly #jose = import('jose');

  constructor(
    private readonly rules: TokenRules,
    private readonly jwks: Jwks | undefined,
    private readonly secret: VerificationKey | undefined,
  ) {}

  async verify(token: string): Promise<Verified> {
    const header = readTokenHeader(token);
    if (!header) return unverified(TOKEN_INVALID);
    const key = await this.#keyFor(header.alg, header.kid);
    if (key instanceof Refusal) return unverified(key);
    return this.#check(token, header.alg, key);
  }

  /** HS256 is verified by the secret alone, everything else by public keys alone: neither can stand for the other. */
  async #keyFor(alg: string, kid: string | undefined): Promise<VerificationKey | Refusal> {
    if (alg === HS256) return this.secret ?? TOKEN_INVALID;
    return (await this.jwks?.find(alg, kid)) ?? TOKEN_INVALID;
  }

  async #check(token: string, alg: string, key: VerificationKey): Promise<Verified> {
    const { issuer, audiences, leewayS, claimNames } = this.rules;
    const { errors, jwtVerify } = await this.#jose;
    try {
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: [alg],
        issuer,
        audience: [...audiences],
        clockTolerance: leewayS,
        requiredClaims: ['exp'],
      });
      const { exp = Infinity } = payload;
      const principal = Number.isFinite(exp) ? toPrincipal(payload, claimNames) : undefined;
      return principal ? { verdict: principal, key, until: exp * 1000 } : final(TOKEN_INVALID, key);
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      const refusal = refusalOf(error, errors);
      return refusal === TOKEN_NOT_YET_VALID ? unverified(refusal) : final(refusal, key);
    }
  }
}

function unverified(verdict: Refusal): Verified {
  return { verdict, key: undefined, until: 0 };
}

/** No time will make the token a good one. */
function final(verdict: Refusal, key: VerificationKey): Verified {
  return { verdict, key, until: Infinity };
}

/** jose checks the signature first: only whoever holds a token of the issuer learns more than TOKEN_INVALID. */
function refusalOf(error: errors.JOSEError, classes: typeof errors): Refusal {
  if (error instanceof classes.JWTExpired) return TOKEN_EXPIRED;
  if (!(error instanceof classes.JWTClaimValidationFailed)) return TOKEN_INVALID;
  if (error.claim === 'iss') return TOKEN_ISSUER_MISMATCH;
  if (error.claim === 'aud') return TOKEN_AUDIENCE_MISMATCH;
  return error.claim === 'nbf' && error.reason === 'check_failed' ? TOKEN_NOT_YET_VALID : TOKEN_INVALID;
}
