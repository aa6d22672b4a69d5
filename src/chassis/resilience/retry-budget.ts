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
 * tokens as gRPC's retry throttling (gRFC A6) has them.
 */
export class RetryBudget {
  #tokens: number;

  constructor(public options: RetryBudgetOptions) {
    this.#tokens = options.burst;
  }

  /** Tokens that are there, 0 to `burst`. */
  get tokens(): number {
    return this.#tokens;
  }

  /** A first attempt is made. */
  deposit(): void {
    this.#tokens = Math.min(this.options.burst, this.#tokens + this.options.ratio);
  }

  /** Whether a retry may be made; then it is paid for. */
  tryWithdraw(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
