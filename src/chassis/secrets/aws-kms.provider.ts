import { AwsKmsClient, type AwsKmsOptions } from './aws-kms.client.js';
import { SecretError } from './encrypted-value.js';
import type { SecretProvider } from './secret-provider.js';

/** What `Encrypt` takes with a symmetric key, in bytes. */
const MAX_PLAINTEXT_BYTES = 4096;

/**
 * AWS KMS: `enc:kms1:<base64 of the ciphertext blob>`. Values are short, so KMS encrypts them itself; the
 * configuration's key is the encryption context, which CloudTrail shows and key policies may demand.
 */
export class AwsKmsProvider implements SecretProvider {
  readonly scheme = 'kms1';
  readonly #client: AwsKmsClient;

  constructor(private readonly options: AwsKmsOptions) {
    this.#client = new AwsKmsClient(options);
  }

  async decrypt(key: string, payload: string): Promise<string> {
    const { Plaintext } = await this.#client.call('Decrypt', {
      CiphertextBlob: payload,
      EncryptionContext: contextOf(key),
    });
    return Buffer.from(textOf(Plaintext), 'base64').toString('utf8');
  }

  async encrypt(key: string, plaintext: string): Promise<string> {
    const bytes = Buffer.from(plaintext);
    if (bytes.length > MAX_PLAINTEXT_BYTES)
      throw new SecretError(`has more than ${MAX_PLAINTEXT_BYTES} bytes, the most that AWS KMS encrypts`);
    const { CiphertextBlob } = await this.#client.call('Encrypt', {
      KeyId: this.options.keyId,
      Plaintext: bytes.toString('base64'),
      EncryptionContext: contextOf(key),
    });
    return textOf(CiphertextBlob);
  }
}

function contextOf(key: string): Record<string, string> {
  return { 'config-key': key };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new SecretError('could not be used with AWS KMS: its answer has no text');
}
