import { currentCall, currentLimits } from '../context/index.js';
import { callCancelled } from '../errors/index.js';
import { Attempt, type Work } from './attempt.js';
import type { Bulkhead } from './bulkhead.js';
import { REFUSED, type Breaker } from './circuit-breaker.js';
import { bulkheadFull, circuitOpen, codeOf, FAILURE_CODES, PolicyRefusal } from './failures.js';
import { fallBack, type FallbackListener, type FallbackStep } from './fallback.js';
import { hedged, type HedgeOptions } from './hedge.js';
import { nextAttempt, type GaveUp, type RetryOptions } from './retry.js';
import type { RetryBudget } from './retry-budget.js';
import { runWithTimeout } from './timeout.js';

/** How a call under a policy ended, for its breaker and its metrics. */
export type Outcome = 'success' | 'failure' | 'refused' | 'cancelled';

/** What a policy is made of; whatever is absent is not done. */
export interface PolicyParts {
  readonly fallback?: readonly FallbackStep<unknown>[];
  /** Milliseconds for all attempts and waits together. @default none */
  readonly totalTimeoutMs?: number;
  readonly retry?: RetryOptions;
  readonly hedge?: HedgeOptions;
  /** Pays for the further attempts of retries and hedges; without one there are none. */
  readonly budget?: RetryBudget;
  readonly breaker?: Breaker;
  readonly bulkhead?: Bulkhead;
  /** Milliseconds for each attempt. @default none */
  readonly timeoutMs?: number;
}

/** Told what a policy does, for metrics, spans and headers. */
export interface PolicyListener {
  readonly onEnd?: (outcome: Outcome) => void;
  /** A further attempt begins, or does not for the reason given. */
  readonly onRetry?: (attempt: number, gaveUp: GaveUp | undefined) => void;
  readonly onFallback?: FallbackListener;
}

/**
 * Runs work under a set of policies, always in this order, from outside to inside:
 *
 *     fallback → total timeout → retry → hedge → circuit breaker → bulkhead → timeout → work
 *
 * so that each attempt asks the breaker, what waits for a place does not count against the dependency's time,
 * and a fallback answers whatever went wrong. The same object serves any number of calls at a time.
 */
export class Policy {
  constructor(
    readonly name: string,
    /** May be replaced: each call runs under those that were there when it began. */
    public parts: PolicyParts,
    private readonly listener: PolicyListener = {},
  ) {}

  /**
   * @param work may run several times where the parts have retries or hedges: `isIdempotent` says whether it may
   * @throws what the work throws, or {ServiceError} CIRCUIT_OPEN, BULKHEAD_FULL, TIMEOUT, DEADLINE_EXCEEDED
   */
  run<T>(work: Work<T>, isIdempotent = true, args: readonly unknown[] = []): Promise<T> {
    const { parts } = this;
    if (!parts.fallback) return this.#runInTime(parts, work, isIdempotent);
    return this.#runOrFallBack(parts, parts.fallback as readonly FallbackStep<T>[], work, isIdempotent, args);
  }

  async #runOrFallBack<T>(
    parts: PolicyParts,
    steps: readonly FallbackStep<T>[],
    work: Work<T>,
    isIdempotent: boolean,
    args: readonly unknown[],
  ): Promise<T> {
    const begin = performance.now();
    try {
      return await this.#runInTime(parts, work, isIdempotent);
    } catch (error) {
      const context = { elapsedMs: performance.now() - begin, call: currentCall(), args };
      return fallBack(this.name, steps, error, context, this.listener.onFallback);
    }
  }

  #runInTime<T>(parts: PolicyParts, work: Work<T>, isIdempotent: boolean): Promise<T> {
    const { totalTimeoutMs, budget } = parts;
    if (totalTimeoutMs !== undefined) {
      const runAll = (): Promise<T> => this.#runAll(parts, work, isIdempotent ? budget : undefined);
      return runWithTimeout(this.name, new Attempt(1), totalTimeoutMs, runAll);
    }
    return this.#runAll(parts, work, isIdempotent ? budget : undefined);
  }

  #runAll<T>(parts: PolicyParts, work: Work<T>, budget: RetryBudget | undefined): Promise<T> {
    budget?.deposit();
    if (budget && parts.retry) return this.#runAgain(parts, parts.retry, work, budget);
    return this.#runHedged(parts, work, budget, 1);
  }

  async #runAgain<T>(
    parts: PolicyParts,
    retry: RetryOptions,
    work: Work<T>,
    budget: RetryBudget,
  ): Promise<T> {
    for (let number = 1; ; number++) {
      try {
        return await this.#runHedged(parts, work, budget, number);
      } catch (error) {
        const gaveUp = await nextAttempt(retry, budget, number, error, currentLimits());
        if (gaveUp !== 'not-retryable') this.listener.onRetry?.(number + 1, gaveUp);
        if (gaveUp) throw error;
      }
    }
  }

  #runHedged<T>(
    parts: PolicyParts,
    work: Work<T>,
    budget: RetryBudget | undefined,
    number: number,
  ): Promise<T> {
    const { hedge } = parts;
    if (!hedge || !budget) return this.#runOnce(parts, new Attempt(number), work);
    return hedged(hedge, budget, (index) => {
      const attempt = new Attempt(number + index - 1);
      if (index > 1) this.listener.onRetry?.(attempt.number, undefined);
      return {
        result: this.#runOnce(parts, attempt, work),
        abort: () => attempt.abort(callCancelled()),
      };
    });
  }

  async #runOnce<T>(parts: PolicyParts, attempt: Attempt, work: Work<T>): Promise<T> {
    const { breaker, bulkhead, timeoutMs } = parts;
    const ticket = breaker ? breaker.enter(performance.now()) : 0;
    if (breaker && ticket === REFUSED)
      throw this.#refuse(circuitOpen(this.name, breaker.retryAfterMs(performance.now())));
    if (bulkhead) {
      const place = bulkhead.enter(attempt);
      if (!(place === true || (await place))) {
        breaker?.release(ticket);
        throw this.#refuse(bulkheadFull(this.name));
      }
    }
    const begin = performance.now();
    try {
      const result = await (timeoutMs === undefined
        ? attempt.start(work)
        : runWithTimeout(this.name, attempt, timeoutMs, work));
      this.#settle(breaker, ticket, begin, 'success');
      return result;
    } catch (error) {
      this.#settle(breaker, ticket, begin, outcomeOf(attempt.abortReason ?? error));
      throw error;
    } finally {
      bulkhead?.leave();
    }
  }

  #refuse(error: PolicyRefusal): PolicyRefusal {
    this.listener.onEnd?.('refused');
    return error;
  }

  #settle(breaker: Breaker | undefined, ticket: number, begin: number, outcome: Outcome): void {
    this.listener.onEnd?.(outcome);
    if (!breaker) return;
    if (outcome === 'success' || outcome === 'failure') {
      const now = performance.now();
      breaker.settle(ticket, now, outcome === 'failure', now - begin);
    } else breaker.release(ticket);
  }
}

/** A refusal of a policy further inside, and a call that nobody waits for, say nothing about the dependency. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof PolicyRefusal) return 'refused';
  const code = codeOf(error);
  if (code === 'CANCELLED') return 'cancelled';
  return FAILURE_CODES.has(code) ? 'failure' : 'success';
}
