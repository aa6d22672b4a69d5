/** A rounding error that is no reason to refuse, in milliseconds. */
const EPSILON_MS = 1e-6;

/** How fast tokens come and how many a bucket holds, both as times: a token is worth `intervalMs`. */
export interface Rate {
  /** Milliseconds until one more token is there. */
  readonly intervalMs: number;
  /** Milliseconds that an empty bucket needs to be full. */
  readonly capacityMs: number;
}

/**
 * A token bucket that is filled continuously, as one number: when it will be full. In any time of length t
 * it gives at most burst + t / intervalMs tokens. Source: the virtual scheduling form of the generic cell rate
 * algorithm, ITU-T I.371, annex A.
 */
export class TokenBucket {
  /** When it is full, in milliseconds of the caller's clock; the past for one that is. */
  staleAt = -Infinity;

  /** Milliseconds until `cost` tokens are there; 0 or less when they are. */
  waitMs({ intervalMs, capacityMs }: Rate, cost: number, nowMs: number): number {
    const waitMs = Math.max(this.staleAt, nowMs) + cost * intervalMs - capacityMs - nowMs;
    return waitMs > EPSILON_MS ? waitMs : 0;
  }

  /** Takes tokens that `waitMs` has found to be there; negative ones are given back. */
  take({ intervalMs }: Rate, cost: number, nowMs: number): void {
    this.staleAt = Math.max(this.staleAt, nowMs) + cost * intervalMs;
  }

  /** Keeps the part of it that is taken when its rate changes. @param factor the new capacity by the old one, in time */
  scale(factor: number, nowMs: number): void {
    if (this.staleAt > nowMs) this.staleAt = nowMs + (this.staleAt - nowMs) * factor;
  }

  /** Whole tokens that are there. */
  free({ intervalMs, capacityMs }: Rate, nowMs: number): number {
    const freeMs = capacityMs - Math.max(0, this.staleAt - nowMs);
    return Math.max(0, Math.floor((freeMs + EPSILON_MS) / intervalMs));
  }
}
