import type { Rate } from './token-bucket.js';

/** What a shared store gives. */
export interface Grant {
  /** Tokens that belong to the caller now: 0, or from what is needed to what is wanted. */
  readonly granted: number;
  /** Tokens that are left after it. */
  readonly left: number;
  /** Milliseconds until as many tokens as were wanted are there again. */
  readonly waitMs: number;
}

/** Which stores there are; the label `store` of metrics. */
export type StoreName = 'memory' | 'redis' | 'fallback';

/** Buckets that several processes share. */
export interface TokenSource {
  readonly name: StoreName;
  /** Whether asking it makes sense; false while it is away. */
  readonly isUp: boolean;
  /** Longest time for an answer, in milliseconds. */
  readonly limitMs: number;
  /**
   * Takes `wanted` tokens, or what is there when that is `needed` at least, or none.
   * @throws when the store does not answer within the limit
   */
  take(policy: string, key: string, rate: Rate, needed: number, wanted: number): Promise<Grant>;
  /** Gives tokens back that were not used. Best effort. */
  giveBack(policy: string, key: string, rate: Rate, tokens: number): Promise<void>;
  /** Fills a bucket. */
  reset(policy: string, key: string): Promise<void>;
}
