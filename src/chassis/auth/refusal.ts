import type { Code } from '../errors/index.js';

/** RFC 6750, section 3.1: what a Bearer challenge says of the token. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

export interface RefusalOptions {
  readonly code: Code;
  /** Stands in docs/errors.md. */
  readonly reason: string;
  /** Safe to show: tells the caller what to do, and an attacker nothing about keys. */
  readonly message: string;
  /** @default none: the challenge names the schemes only */
  readonly bearerError?: BearerError;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number;
}

/** Why a caller is not let in: a value that can be kept and told again, unlike an error. */
export class Refusal {
  constructor(readonly options: RefusalOptions) {}
}

export const CREDENTIALS_MISSING = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'CREDENTIALS_MISSING',
  message: 'This call needs credentials and has none; www-authenticate lists what is accepted',
});

export const CREDENTIALS_AMBIGUOUS = new Refusal({
  code: 'INVALID_ARGUMENT',
  reason: 'CREDENTIALS_AMBIGUOUS',
  message: 'Send one credential: a single authorization header or a single x-api-key, never both',
  bearerError: 'invalid_request',
});

export const CREDENTIALS_UNSUPPORTED = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'CREDENTIALS_UNSUPPORTED',
  message: 'This service does not take this kind of credential; www-authenticate lists what is accepted',
});

export const TOKEN_INVALID = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'TOKEN_INVALID',
  message: 'The bearer token is not valid: malformed, or not signed by a key that this service trusts',
  bearerError: 'invalid_token',
});

export const TOKEN_EXPIRED = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'TOKEN_EXPIRED',
  message: 'The bearer token has expired; get a new one',
  bearerError: 'invalid_token',
});

export const TOKEN_NOT_YET_VALID = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'TOKEN_NOT_YET_VALID',
  message: 'The bearer token is not valid yet; wait for its nbf, or set the clocks right',
  bearerError: 'invalid_token',
});

export const TOKEN_ISSUER_MISMATCH = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'TOKEN_ISSUER_MISMATCH',
  message: 'The bearer token is from another issuer than this service trusts',
  bearerError: 'invalid_token',
});

export const TOKEN_AUDIENCE_MISMATCH = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'TOKEN_AUDIENCE_MISMATCH',
  message: 'The bearer token was not made for this service; ask for one with its audience',
  bearerError: 'invalid_token',
});

export const API_KEY_INVALID = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'API_KEY_INVALID',
  message: 'The API key is not valid; ask the operator of this service for one',
});

export const API_KEY_EXPIRED = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'API_KEY_EXPIRED',
  message: 'The API key has expired; ask the operator of this service for a new one',
});

export const CERTIFICATE_NOT_ACCEPTED = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'CERTIFICATE_NOT_ACCEPTED',
  message: "The client's certificate names nobody that this service knows",
});

export const CERTIFICATE_EXPIRED = new Refusal({
  code: 'UNAUTHENTICATED',
  reason: 'CERTIFICATE_EXPIRED',
  message: "The client's certificate has expired since it connected; connect with a new one",
});

export const POLICY_DENIED = new Refusal({
  code: 'PERMISSION_DENIED',
  reason: 'POLICY_DENIED',
  message: 'A policy of this service does not allow this caller to make this call',
});

/** No key was ever had, or all are too old: nobody can tell whether the token is good. */
export function keysUnavailable(retryAfterMs: number): Refusal {
  return new Refusal({
    code: 'UNAVAILABLE',
    reason: 'KEYS_UNAVAILABLE',
    message: 'This service cannot check tokens at the moment, because it has no keys of their issuer',
    retryAfterMs,
  });
}

export function scopeMissing(missing: readonly string[]): Refusal {
  return new Refusal({
    code: 'PERMISSION_DENIED',
    reason: 'SCOPE_MISSING',
    message: `The caller lacks a scope: ${missing.join(' ')}`,
    bearerError: 'insufficient_scope',
    metadata: { scope: missing.join(' ') },
  });
}

export function roleMissing(roles: readonly string[]): Refusal {
  return new Refusal({
    code: 'PERMISSION_DENIED',
    reason: 'ROLE_MISSING',
    message: `The caller needs one of these roles: ${roles.join(' ')}`,
    metadata: { roles: roles.join(' ') },
  });
}
