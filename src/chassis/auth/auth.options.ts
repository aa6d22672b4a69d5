import { listOf, type Config } from '../config/index.js';
import type { JwksOptions } from './jwks.js';
import type { JwtOptions } from './jwt.authenticator.js';
import type { TokenRules } from './token-verifier.js';

/** What the configuration says about bearer tokens. */
export interface BearerOptions {
  /** `undefined` where only a shared secret is configured. */
  readonly jwks: Omit<JwksOptions, 'onFetched'> | undefined;
  /** Empty = HS256 is refused. */
  readonly secret: string;
  readonly rules: TokenRules;
  readonly jwt: JwtOptions;
}

/**
 * The keys of bearer tokens; what one of them needs of another the schema has checked.
 * @returns `undefined` when bearer tokens are not configured
 */
export function readBearerOptions(config: Config): BearerOptions | undefined {
  const url = config.get('AUTH_JWKS_URL');
  const secret = config.get('AUTH_HS256_SECRET');
  if (!url && !secret) return undefined;
  return {
    jwks: url ? jwksOptions(config) : undefined,
    secret,
    rules: {
      issuer: config.get('AUTH_ISSUER'),
      audiences: listOf(config.get('AUTH_AUDIENCE')),
      leewayS: config.get('AUTH_LEEWAY_S'),
      claimNames: {
        scopes: listOf(config.get('AUTH_SCOPE_CLAIMS')),
        roles: listOf(config.get('AUTH_ROLE_CLAIMS')),
        tenant: config.get('AUTH_TENANT_CLAIM'),
      },
    },
    jwt: {
      maxTokenBytes: config.get('AUTH_MAX_TOKEN_BYTES'),
      cacheSize: config.get('AUTH_TOKEN_CACHE_SIZE'),
      cacheMaxAgeMs: config.get('AUTH_TOKEN_CACHE_MAX_AGE_MS'),
    },
  };
}

function jwksOptions(config: Config): BearerOptions['jwks'] {
  return {
    url: config.get('AUTH_JWKS_URL'),
    algorithms: listOf(config.get('AUTH_ALGORITHMS')),
    cacheMs: config.get('AUTH_JWKS_CACHE_MS'),
    cooldownMs: config.get('AUTH_JWKS_COOLDOWN_MS'),
    maxAgeMs: config.get('AUTH_JWKS_MAX_AGE_MS'),
    timeoutMs: config.get('AUTH_JWKS_TIMEOUT_MS'),
  };
}
