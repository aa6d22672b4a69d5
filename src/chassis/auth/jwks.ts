import { Logger } from '@nestjs/common';
import { performance } from 'node:perf_hooks';
import { runInScope, Scope } from '../context/index.js';
import { whyOf } from '../errors/index.js';
import { fetchJwks } from './fetch-jwks.js';
import { keysUnavailable, TOKEN_INVALID, type Refusal } from './refusal.js';
import { toVerificationKey, type VerificationKey } from './verification-key.js';

const FIRST_RETRY_MS = 1000;

/** All times in milliseconds. */
export interface JwksOptions {
  readonly url: string;
  /** What the keys may verify. */
  readonly algorithms: readonly string[];
  /** Time between two fetches while all is well. */
  readonly cacheMs: number;
  /** Shortest time between two fetches that calls cause; longest between two after a failure. */
  readonly cooldownMs: number;
  /** Keys are dropped when no fetch has worked for so long; 0 = never. */
  readonly maxAgeMs: number;
  /** Longest time for one fetch. */
  readonly timeoutMs: number;
  /** Hears the end of every fetch. */
  readonly onFetched: (result: 'success' | 'failure') => void;
}

/**
 * The issuer's public keys. They are fetched in the background, ahead of need and one fetch at a time;
 * an unknown key id causes a fetch at most once in a cool-down. While the server is away or broken the
 * keys that were had last stay good.
 */
export class Jwks {
  readonly #logger = new Logger(Jwks.name);
  #keys: readonly VerificationKey[] = [];
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #fault: string | undefined;
  #fetchedAt = -Infinity;
  #attemptedAt = -Infinity;
  #isStopped = false;

  constructor(private readonly options: JwksOptions) {}

  /** Begins to fetch; nobody has to wait for it. */
  start(): void {
    void this.refresh();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Why the keys are not what they should be; `undefined` while they are, or while the first fetch runs. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The key for a token. One without a key id needs that a single key fits, however often the issuer lists it. */
  async find(alg: string, kid: string | undefined): Promise<VerificationKey | Refusal> {
    const known = this.#match(alg, kid);
    if (known) return known;
    if (this.#running || performance.now() - this.#attemptedAt >= this.options.cooldownMs)
      await this.refresh();
    if (this.#keys.length === 0) return keysUnavailable(this.#retryMs());
    return this.#match(alg, kid) ?? TOKEN_INVALID;
  }

  /** Fetches the keys; while that runs, joins it. Never rejects. */
  refresh(): Promise<void> {
    // The keys are everybody's: the call that happens to ask lends them neither its trace nor its baggage.
    return (this.#running ??= runInScope(Scope.NONE, () =>
      this.#fetch().finally(() => {
        this.#running = undefined;
        this.#schedule();
      }),
    ));
  }

  #match(alg: string, kid: string | undefined): VerificationKey | undefined {
    const fitting = this.#keys.filter(
      (key) => key.algorithms.has(alg) && (kid === undefined || key.id === kid),
    );
    const [first] = fitting;
    const isOne = kid !== undefined || fitting.every(({ key }) => first?.key.equals(key));
    return isOne ? first : undefined;
  }

  async #fetch(): Promise<void> {
    this.#attemptedAt = performance.now();
    try {
      this.#take(await fetchJwks(this.options.url, this.options.timeoutMs));
      if (this.#fault !== undefined) this.#logger.log('the keys of the token issuer are up to date again');
      this.#fault = undefined;
      this.#failures = 0;
      this.options.onFetched('success');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Keys that stay keep their identity, and with it what they have verified. */
  #take(jwks: readonly unknown[]): void {
    const found = jwks.map((jwk) => toVerificationKey(jwk, this.options.algorithms));
    const taken = found.filter((key) => key !== undefined);
    if (taken.length === 0) throw new Error('the answer has no public signature key of an allowed algorithm');
    if (taken.length < found.length)
      this.#logger.debug({ ignored: found.length - taken.length }, 'keys of the JWKS that cannot be used');
    const before = new Map(this.#keys.map((key) => [key.fingerprint, key]));
    this.#use(taken.map((key) => before.get(key.fingerprint) ?? key));
    this.#fetchedAt = performance.now();
  }

  #fail(error: unknown): void {
    const reason = whyOf(error);
    const { maxAgeMs } = this.options;
    if (maxAgeMs > 0 && performance.now() - this.#fetchedAt > maxAgeMs) this.#use([]);
    const keys = this.#keys.length;
    if (this.#failures === 0)
      this.#logger.warn({ reason, keys }, 'the keys of the token issuer could not be fetched; trying again');
    this.#failures += 1;
    this.#fault = `could not be fetched: ${reason}; ${keys > 0 ? 'the last keys are in use' : 'there are no keys'}`;
    this.options.onFetched('failure');
  }

  #use(keys: readonly VerificationKey[]): void {
    for (const key of this.#keys) key.isCurrent = keys.includes(key);
    this.#keys = keys;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    const delayMs = this.#failures > 0 ? this.#retryMs() : this.options.cacheMs;
    this.#timer = setTimeout(() => void this.refresh(), delayMs).unref();
  }

  /** Doubles with every failure, up to the cool-down. */
  #retryMs(): number {
    const doublings = Math.min(20, Math.max(0, this.#failures - 1));
    return Math.min(this.options.cooldownMs, FIRST_RETRY_MS * 2 ** doublings);
  }
}
