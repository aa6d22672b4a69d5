import { isEncrypted, parseEncrypted, SecretError } from './encrypted-value.js';
import type { SecretProvider } from './secret-provider.js';

/** A value that could not be decrypted. */
export interface SecretFault {
  readonly key: string;
  readonly message: string;
}

/** Values of a configuration without encrypted ones. */
export interface DecryptedValues {
  readonly values: Readonly<Record<string, unknown>>;
  /** The keys whose values were encrypted: theirs are never shown. */
  readonly encrypted: ReadonlySet<string>;
  readonly faults: readonly SecretFault[];
}

const SETTINGS_OF: Readonly<Record<string, string>> = {
  v1: 'Set CONFIG_KEY_FILE to the file with its key',
  kms1: 'Set CONFIG_KMS_REGION to the region of its AWS KMS key',
};

/** Decrypts the values of a configuration by the providers that there are. */
export class Secrets {
  readonly #providers: ReadonlyMap<string, SecretProvider>;
  /** Plain values that the last configuration had: what has not changed is not asked for again. */
  #known: ReadonlyMap<string, string> = new Map();

  constructor(providers: readonly SecretProvider[]) {
    this.#providers = new Map(providers.map((provider) => [provider.scheme, provider]));
  }

  /** Values inside of lists and maps are left alone: the whole text of such a key may be encrypted. */
  async decryptAll(values: Readonly<Record<string, unknown>>): Promise<DecryptedValues> {
    const plain = { ...values };
    const faults: SecretFault[] = [];
    const known = new Map<string, string>();
    const found = Object.entries(values).filter((entry): entry is [string, string] => isEncrypted(entry[1]));
    const decryptOne = async ([key, value]: [string, string]): Promise<void> => {
      const id = `${key} ${value}`;
      try {
        const text = this.#known.get(id) ?? (await this.decrypt(key, value));
        known.set(id, text);
        plain[key] = text;
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        faults.push({ key, message: error.message });
      }
    };
    await Promise.all(found.map(decryptOne));
    this.#known = known;
    return { values: plain, encrypted: new Set(found.map(([key]) => key)), faults };
  }

  /** @throws {SecretError} */
  async decrypt(key: string, value: string): Promise<string> {
    const { scheme, payload } = parseEncrypted(value);
    return this.#providerOf(scheme).decrypt(key, payload);
  }

  /** With the provider of this scheme. @throws {SecretError} */
  async encrypt(key: string, plaintext: string, scheme: string): Promise<string> {
    return `enc:${scheme}:${await this.#providerOf(scheme).encrypt(key, plaintext)}`;
  }

  #providerOf(scheme: string): SecretProvider {
    const provider = this.#providers.get(scheme);
    if (provider) return provider;
    const advice = SETTINGS_OF[scheme] ?? 'Encrypt it again: npm run config -- encrypt KEY';
    throw new SecretError(`is encrypted by "${scheme}", which is not set up. ${advice}`);
  }
}
