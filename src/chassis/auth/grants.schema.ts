import { z } from 'zod';

const word = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be visible ASCII without " and \\');
const words = z.array(word).default([]);
const owner = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible ASCII characters');

const ApiKeyEntry = z.strictObject({
  id: z.string().regex(/^[a-z0-9]{8,32}$/, 'must be 8 to 32 letters a-z or digits'),
  /** Who calls with it: the principal's id. Several keys may have the same. */
  owner,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the whole key, 64 hexadecimal digits'),
  scopes: words,
  roles: words,
  tenant: word.optional(),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' })
    .transform((text) => Date.parse(text))
    .optional(),
});
export type ApiKeyEntry = z.output<typeof ApiKeyEntry>;

const IdentityEntry = z.strictObject({
  identity: owner,
  scopes: words,
  roles: words,
  tenant: word.optional(),
});
export type IdentityEntry = z.output<typeof IdentityEntry>;

/** `AUTH_API_KEYS_FILE`. */
export const ApiKeysFile = z.strictObject({
  keys: z
    .array(ApiKeyEntry)
    .refine((keys) => areUnique(keys.map(({ id }) => id)), 'two keys have the same id'),
});

/** `AUTH_MTLS_FILE`. */
export const IdentitiesFile = z.strictObject({
  identities: z
    .array(IdentityEntry)
    .refine((entries) => areUnique(entries.map(({ identity }) => identity)), 'an identity is listed twice'),
});

function areUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
