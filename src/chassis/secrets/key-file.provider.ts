import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SecretError } from './encrypted-value.js';
import { readKeyFile, type KeyRing } from './key-file.js';
import type { SecretProvider } from './secret-provider.js';

const CIPHER = 'aes-256-gcm';
/** Random, so that one key is good for 2^32 values. Source: NIST SP 800-38D, section 8.3. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PAYLOAD = /^([\w.-]{1,64}):([\w-]+)$/;

/**
 * AES-256-GCM with a key of CONFIG_KEY_FILE: `enc:v1:<key id>:<base64url of nonce, ciphertext, tag>`. The id of the
 * key and the configuration's key are authenticated with the value.
 */
export class KeyFileProvider implements SecretProvider {
  readonly scheme = 'v1';

  /** @param path the file, read at each use: a key that is added needs no restart */
  constructor(private readonly path: string) {}

  async decrypt(key: string, payload: string): Promise<string> {
    const [, id, text] = PAYLOAD.exec(payload) ?? [];
    if (id === undefined || text === undefined)
      throw new SecretError('must be enc:v1:<key id>:<base64url>; it is damaged');
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SecretError('is too short: a part is missing');
    const decipher = createDecipheriv(
      CIPHER,
      keyOf(readKeyFile(this.path), id),
      bytes.subarray(0, NONCE_BYTES),
      {
        authTagLength: TAG_BYTES,
      },
    );
    decipher.setAAD(boundTo(key, id));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const begin = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([begin, decipher.final()]).toString('utf8');
    } catch (error) {
      throw new SecretError(
        `was changed, or encrypted for another key than ${key}, or with another file that has a key ${id}`,
        { cause: error },
      );
    }
  }

  async encrypt(key: string, plaintext: string): Promise<string> {
    const ring = readKeyFile(this.path);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, keyOf(ring, ring.current), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(boundTo(key, ring.current));
    const text = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return `${ring.current}:${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url')}`;
  }
}

function keyOf({ keys }: KeyRing, id: string): Buffer {
  const key = keys.get(id);
  if (key) return key;
  throw new SecretError(
    `was encrypted with the key ${id}, which CONFIG_KEY_FILE does not have. Add it, or encrypt the value again`,
  );
}

function boundTo(key: string, id: string): Buffer {
  return Buffer.from(`enc:v1:${id}:${key}`);
}
