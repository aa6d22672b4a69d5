/** Marks a value that a provider has to decrypt. */
const MARK = 'enc:';
const FORM = /^enc:([a-z][a-z0-9]*):(.+)$/s;

/** A value as it stands in a file or a variable: `enc:<scheme>:<payload>`. */
export interface EncryptedValue {
  /** Which provider made it, and in which version of its format: `v1`, `kms1`. */
  readonly scheme: string;
  readonly payload: string;
}

/** Whether a value of the configuration has to be decrypted before it is read. */
export function isEncrypted(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(MARK);
}

/** @throws {SecretError} for what begins as an encrypted value and is none */
export function parseEncrypted(text: string): EncryptedValue {
  const [, scheme, payload] = FORM.exec(text) ?? [];
  if (scheme !== undefined && payload !== undefined) return { scheme, payload };
  throw new SecretError(
    'begins with "enc:" and is no encrypted value, such as enc:v1:<key id>:<text>; make one by "npm run config -- encrypt KEY"',
  );
}

/** A secret cannot be encrypted or decrypted. The message says why and what to do, and shows neither form of it. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}
