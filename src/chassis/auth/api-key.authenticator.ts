import { hash, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../context/index.js';
import { readApiKeyId } from './api-key.js';
import type { Authenticator, Verdict } from './authenticator.js';
import type { ApiKeyEntry } from './grants.schema.js';
import { API_KEY_EXPIRED, API_KEY_INVALID } from './refusal.js';

/** What is compared where no entry has the id: finding none takes as long as a wrong secret. */
const NO_DIGEST = Buffer.alloc(32);

interface KnownKey {
  readonly digest: Buffer;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly principal: Principal;
}

/** Where the entries are; a new object whenever they change. */
interface ApiKeySource {
  readonly content: { readonly keys: readonly ApiKeyEntry[] };
}

/** API keys: found by the id within, compared as digests in constant time. The principal is the key's owner. */
export class ApiKeyAuthenticator implements Authenticator<string> {
  #content: ApiKeySource['content'] | undefined;
  #known: ReadonlyMap<string, KnownKey> = new Map();

  constructor(private readonly source: ApiKeySource) {}

  authenticate(key: string): Verdict {
    const id = readApiKeyId(key);
    if (id === undefined) return API_KEY_INVALID;
    const known = this.#keys.get(id);
    const isEqual = timingSafeEqual(hash('sha256', key, 'buffer'), known?.digest ?? NO_DIGEST);
    if (!known || !isEqual) return API_KEY_INVALID;
    return Date.now() < known.expiresAt ? known.principal : API_KEY_EXPIRED;
  }

  get #keys(): ReadonlyMap<string, KnownKey> {
    const { content } = this.source;
    if (content !== this.#content) {
      this.#content = content;
      this.#known = new Map(content.keys.map((entry) => [entry.id, toKnownKey(entry)]));
    }
    return this.#known;
  }
}

function toKnownKey({ id, owner, sha256, scopes, roles, tenant, expiresAt }: ApiKeyEntry): KnownKey {
  const principal: Principal = {
    id: owner,
    scheme: 'api-key',
    scopes: new Set(scopes),
    roles: new Set(roles),
    tenant,
    claims: Object.freeze({ keyId: id }),
  };
  return { digest: Buffer.from(sha256, 'hex'), expiresAt: expiresAt ?? Infinity, principal };
}
