import { z } from 'zod';
import { durationMs, integer, optionalHttpUrl } from './fields.js';

const ALGORITHMS = 'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA';
const ALGORITHM = /^(RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA|Ed25519)$/;
const MIN_SECRET_BYTES = 32;
const DAY_MS = 86_400_000;

/** Names with commas between them. */
const list = (item: RegExp, error: string) =>
  z.string().refine((text) => text === '' || text.split(',').every((part) => item.test(part.trim())), error);

const claims = () => list(/^[\x21-\x2b\x2d-\x7e]+$/, 'must be names of claims with commas between them');

/** Who may call: the keys of authentication. Empty = that way to authenticate is not configured. */
export const authConfigShape = {
  AUTH_JWKS_URL: optionalHttpUrl().describe(
    "The issuer's public keys (JWKS) for bearer tokens; https in production. Empty = none.",
  ),
  AUTH_ISSUER: z.string().max(1024).default('').describe('What the claim iss of a token must be.'),
  AUTH_AUDIENCE: z
    .string()
    .max(1024)
    .default('')
    .describe('What the claim aud of a token must have: one of these, with commas between them.'),
  AUTH_ALGORITHMS: list(
    ALGORITHM,
    'must be RS, PS or ES with 256, 384 or 512, or EdDSA, with commas between them',
  )
    .default(ALGORITHMS)
    .describe('Signature algorithms that tokens of the JWKS may have.'),
  AUTH_HS256_SECRET: z
    .string()
    .refine(
      (text) => text === '' || Buffer.byteLength(text) >= MIN_SECRET_BYTES,
      `must be ${MIN_SECRET_BYTES} bytes or more`,
    )
    .default('')
    .describe('Shared secret of tokens with HS256, 32 bytes or more; empty = HS256 is refused.'),
  AUTH_LEEWAY_S: integer(0, 300)
    .default(30)
    .describe("Difference of the issuer's clock that exp and nbf of a token forgive, in seconds."),
  AUTH_MAX_TOKEN_BYTES: integer(256, 65_536).default(8192).describe('Largest bearer token.'),
  AUTH_JWKS_CACHE_MS: durationMs(100)
    .default(600_000)
    .describe('The keys are fetched again after it, in the background.'),
  AUTH_JWKS_COOLDOWN_MS: durationMs(100)
    .default(30_000)
    .describe(
      'Shortest time between two fetches because of an unknown key, longest between two after a failure.',
    ),
  AUTH_JWKS_MAX_AGE_MS: integer(0, 30 * DAY_MS)
    .default(DAY_MS)
    .describe('Keys are forgotten when no fetch has worked for so long; 0 = never.'),
  AUTH_JWKS_TIMEOUT_MS: durationMs(10).default(3000).describe('Longest time for one fetch of the keys.'),
  AUTH_TOKEN_CACHE_SIZE: integer(0, 1_000_000)
    .default(10_000)
    .describe('Verified tokens that are remembered, by digest; 0 = each call verifies its token.'),
  AUTH_TOKEN_CACHE_MAX_AGE_MS: durationMs(1)
    .default(300_000)
    .describe('A token is verified again after it, and never remembered beyond its exp.'),
  AUTH_SCOPE_CLAIMS: claims().default('scope,scp').describe('Claims with scopes, all of them together.'),
  AUTH_ROLE_CLAIMS: claims()
    .default('roles')
    .describe('Claims with roles, all of them together; realm_access.roles is a member of a claim.'),
  AUTH_TENANT_CLAIM: claims().default('tenant').describe('Claim with the tenant.'),
  AUTH_API_KEYS_FILE: z
    .string()
    .default('')
    .describe('YAML or JSON file of API keys, as npm run api-key makes them; empty = none.'),
  AUTH_MTLS: z
    .enum(['off', 'uri', 'dns', 'common-name'])
    .default('off')
    .describe("What of a client's certificate names the caller; off = certificates name nobody."),
  AUTH_MTLS_FILE: z
    .string()
    .default('')
    .describe(
      'YAML or JSON file of the names that may call, with scopes and roles; empty = any, without scopes.',
    ),
  AUTH_FILES_POLL_MS: durationMs(50)
    .default(5000)
    .describe('How often the two files are looked at for changes.'),
};

interface AuthKeys extends z.output<z.ZodObject<typeof authConfigShape>> {
  readonly APP_ENV: string;
}

/** What one key needs of another. Whoever set a part of it did not mean a service that is open to everybody. */
export function authFaults(keys: AuthKeys): { path: [keyof typeof authConfigShape]; message: string }[] {
  const { AUTH_JWKS_URL: url, AUTH_HS256_SECRET: secret, AUTH_ISSUER: issuer, AUTH_MTLS_FILE: names } = keys;
  const hasTokens = url !== '' || secret !== '';
  const hasAudience = /[^\s,]/.test(keys.AUTH_AUDIENCE);
  const alone = 'nothing verifies tokens: set AUTH_JWKS_URL or AUTH_HS256_SECRET, or remove it';
  const faults: [keyof typeof authConfigShape, boolean, string][] = [
    ['AUTH_ISSUER', hasTokens && issuer === '', 'must say whose tokens are taken'],
    ['AUTH_ISSUER', !hasTokens && issuer !== '', alone],
    [
      'AUTH_AUDIENCE',
      hasTokens && !hasAudience,
      'must say for whom tokens are made, or those of other services get in',
    ],
    ['AUTH_AUDIENCE', !hasTokens && hasAudience, alone],
    [
      'AUTH_JWKS_URL',
      url.startsWith('http:') && keys.APP_ENV === 'production',
      'must be https:// in production, or whoever is on the way chooses the keys',
    ],
    [
      'AUTH_ALGORITHMS',
      url !== '' && !/[^\s,]/.test(keys.AUTH_ALGORITHMS),
      'must have one algorithm at least',
    ],
    [
      'AUTH_MTLS_FILE',
      names !== '' && keys.AUTH_MTLS === 'off',
      'nobody is looked up in it: set AUTH_MTLS to uri, dns or common-name, or remove it',
    ],
  ];
  return faults.filter(([, isFault]) => isFault).map(([key, , message]) => ({ path: [key], message }));
}
