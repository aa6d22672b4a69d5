import { hash } from 'node:crypto';
import type { Authenticator, Verdict } from './authenticator.js';
import { Refusal, TOKEN_INVALID } from './refusal.js';
import { TokenCache } from './token-cache.js';
import type { TokenVerifier, Verified } from './token-verifier.js';

/** A bad token is remembered for so long, so that a flood of it costs no signature check each. */
const MAX_REFUSED_AGE_MS = 10_000;
const MAX_REFUSED = 1000;

export interface JwtOptions {
  /** Longer tokens are refused unread. */
  readonly maxTokenBytes: number;
  /** Tokens that are remembered; 0 = none. */
  readonly cacheSize: number;
  /** Milliseconds after which a remembered token is verified again. */
  readonly cacheMaxAgeMs: number;
}

/**
 * Bearer tokens. A verified token is remembered by its SHA-256, never by itself, until its `exp`, until
 * it is `cacheMaxAgeMs` old or until its key is withdrawn, whichever is first. Many first calls with the
 * same token verify it once.
 */
export class JwtAuthenticator implements Authenticator<string> {
  readonly #accepted: TokenCache<Verified>;
  readonly #refused = new TokenCache<Verified>(MAX_REFUSED);
  readonly #running = new Map<string, Promise<Verdict>>();

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly options: JwtOptions,
  ) {
    this.#accepted = new TokenCache(options.cacheSize);
  }

  /** Tokens that are remembered as good. */
  get cachedTokens(): number {
    return this.#accepted.size;
  }

  authenticate(token: string): Verdict | Promise<Verdict> {
    if (token.length > this.options.maxTokenBytes) return TOKEN_INVALID;
    if (this.options.cacheSize === 0) return this.#verify(token);
    const digest = hash('sha256', token, 'binary');
    const known = this.#accepted.get(digest) ?? this.#refused.get(digest);
    if (known !== undefined) {
      if (known.key?.isCurrent === true && Date.now() < known.until) return known.verdict;
      this.#accepted.delete(digest);
      this.#refused.delete(digest);
    }
    return this.#running.get(digest) ?? this.#verifyOnce(token, digest);
  }

  async #verify(token: string): Promise<Verdict> {
    const { verdict } = await this.verifier.verify(token);
    return verdict;
  }

  #verifyOnce(token: string, digest: string): Promise<Verdict> {
    const running = this.#verifyAndKeep(token, digest).finally(() => this.#running.delete(digest));
    this.#running.set(digest, running);
    return running;
  }

  async #verifyAndKeep(token: string, digest: string): Promise<Verdict> {
    const { verdict, key, until } = await this.verifier.verify(token);
    if (key === undefined) return verdict;
    const isRefused = verdict instanceof Refusal;
    const maxAgeMs = isRefused ? MAX_REFUSED_AGE_MS : this.options.cacheMaxAgeMs;
    const kept = { verdict, key, until: Math.min(until, Date.now() + maxAgeMs) };
    if (kept.until > Date.now()) (isRefused ? this.#refused : this.#accepted).set(digest, kept);
    return verdict;
  }
}
