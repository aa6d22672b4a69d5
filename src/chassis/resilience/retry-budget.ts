const UNIT = 1000;
/** 0.57 × 1000 may be a little less than 570. */
const TINY = 1e-6;

export interface RetryBudgetOptions {
  /** Retries for each first attempt, 0 to 1. @default 0.1 */
  readonly ratio: number;
  /** Retries that may come at once after a quiet time, and at the start. @default 10 */
  readonly burst: number;
}

/**
 * How many retries a dependency may get: each first attempt pays `ratio` tokens in, each retry takes one out,
 * and at most `burst` are kept. So in any stretch of time the retries are at most burst + ratio × first
 * attempts, and a dependency that is down for all gets hardly more calls than before. One a dependency,
 * shared by all who call it. Source: Google, "Site Reliability Engineering", chapter 22, retry budgets; the
 * tokens as gRPC's retry throttling (gRFC A6) has them: decimals of the ratio beyond the third are ignored.
 */
export class RetryBudget {
  /** Thousandths: whole numbers, which add up. */
  #milli: number;

  constructor(public options: RetryBudgetOptions) {
    this.#milli = options.burst * UNIT;
  }

  /** Tokens that are there, 0 to `burst`. */
  get tokens(): number {
    return this.#milli / UNIT;
  }

  /** A first attempt is made. */
  deposit(): void {
    const { burst, ratio } = this.options;
    this.#milli = Math.min(burst * UNIT, this.#milli + Math.floor(ratio * UNIT + TINY));
  }

  /** Whether a retry may be made; then it is paid for. */
  tryWithdraw(): boolean {
    if (this.#milli < UNIT) return false;
    this.#milli -= UNIT;
    return true;
  }
}
