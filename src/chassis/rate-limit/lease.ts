import type { Forgettable } from './bounded-table.js';

/** Tokens of a shared store that this instance has taken for a key, and what it knows of the rest. */
export class Lease implements Forgettable {
  tokens = 0;
  /** From then on the tokens are forgotten: they come back to everybody with time. */
  expiresAt = -Infinity;
  /** Until then the store has no `emptyCost` tokens: nobody needs to ask. */
  emptyUntil = -Infinity;
  emptyCost = Infinity;
  /** Tokens that were left in the store when it was last asked. */
  left = 0;
  /** Tokens that calls wait for. */
  waiting = 0;
  /** Tokens that calls have wanted since `askedAt`. */
  demand = 0;
  askedAt = -Infinity;
  /** How many tokens the last answer brought. */
  granted = 0;
  /** The question that is under way. */
  refill: Promise<void> | undefined;

  get staleAt(): number {
    return this.refill ? Infinity : Math.max(this.expiresAt, this.emptyUntil);
  }

  /** Milliseconds for which it is known that there are not `cost` tokens; 0 when it is not known. */
  knownWaitMs(cost: number, nowMs: number): number {
    if (cost < this.emptyCost || nowMs >= this.emptyUntil) return 0;
    return this.emptyUntil - nowMs;
  }

  /** What was known of an empty store holds no longer. */
  forgetWait(): void {
    this.emptyUntil = -Infinity;
    this.emptyCost = Infinity;
  }

  has(cost: number, nowMs: number): boolean {
    return this.tokens >= cost && nowMs < this.expiresAt;
  }
}
