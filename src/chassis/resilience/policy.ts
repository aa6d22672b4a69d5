import { currentCall, currentLimits } from '../context/index.js';
import { callCancelled } from '../errors/index.js';
import { ALL_ATTEMPTS, Attempt, type Work } from './attempt.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';
import { REFUSED, type Breaker } from './state-breaker.js';
import { bulkheadFull, circuitOpen, codeOf, FAILURE_CODES, PolicyRefusal } from './failures.js';
import { fallBack, type FallbackListener, type FallbackStep } from './fallback.js';
import { hedged, type HedgeOptions } from './hedge.js';
import { LoadMeter } from './load-meter.js';
import { nextAttempt, type GaveUp, type RetryOptions } from './retry.js';
import type { RetryBudget } from './retry-budget.js';
import { runWithTimeout } from './timeout.js';

const NONE: readonly unknown[] = [];

/** How a call under a policy ended, for its breaker and its metrics. */
export type Outcome =
  | 'success'
  | 'failure'
  /** By the breaker: it was not made. */
  | 'refused'
  /** No place in the bulkhead: it was not made. */
  | 'full'
  /** Nobody waits for it any more. */
  | 'cancelled'
  /** A policy further inside refused it: that says nothing. */
  | 'ignored';

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
  readonly bulkhead?: ConcurrencyLimit;
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
  readonly #load = new LoadMeter();

  constructor(
    readonly name: string,
    /** May be replaced: each call runs under those that were there when it began. */
    public parts: PolicyParts,
    private readonly listener: PolicyListener = {},
  ) {}

  /**
   * @param work may run several times where the parts have retries or hedges: `isIdempotent` says whether it may
   * @param args what the work was called with, and `self` on which instance: for the steps of the fallback
   * @throws what the work throws, or {ServiceError} CIRCUIT_OPEN, BULKHEAD_FULL, TIMEOUT, DEADLINE_EXCEEDED
   */
  run<T>(work: Work<T>, isIdempotent = true, args: readonly unknown[] = NONE, self?: unknown): Promise<T> {
    const { parts } = this;
    if (!parts.fallback) return this.#runInTime(parts, work, isIdempotent);
    const begin = performance.now();
    return this.#runInTime(parts, work, isIdempotent).catch((error: unknown) => {
      const elapsedMs = performance.now() - begin;
      const context = { elapsedMs, call: currentCall(), args, self, load: this.#load.read() };
      const steps = parts.fallback as readonly FallbackStep<T>[];
      return fallBack(this.name, steps, error, context, (...told) => this.listener.onFallback?.(...told));
    });
  }

  #runInTime<T>(parts: PolicyParts, work: Work<T>, isIdempotent: boolean): Promise<T> {
    const { totalTimeoutMs } = parts;
    const budget = isIdempotent ? parts.budget : undefined;
    if (totalTimeoutMs === undefined) return this.#runAll(parts, work, budget);
    const all = new Attempt(ALL_ATTEMPTS);
    return runWithTimeout(this.name, all, totalTimeoutMs, () => this.#runAll(parts, work, budget));
  }

  #runAll<T>(parts: PolicyParts, work: Work<T>, budget: RetryBudget | undefined): Promise<T> {
    if (!budget) return this.#runOnce(parts, new Attempt(1), work);
    budget.deposit();
    return this.#runAgain(parts, work, budget, 1);
  }

  /** What succeeds at once pays for no more than one promise. */
  #runAgain<T>(parts: PolicyParts, work: Work<T>, budget: RetryBudget, number: number): Promise<T> {
    const { retry, hedge } = parts;
    const result = hedge
      ? this.#runHedged(parts, hedge, work, budget, number)
      : this.#runOnce(parts, new Attempt(number), work);
    return retry
      ? result.catch((error: unknown) => this.#retry(parts, retry, work, budget, number, error))
      : result;
  }

  async #retry<T>(
    parts: PolicyParts,
    retry: RetryOptions,
    work: Work<T>,
    budget: RetryBudget,
    number: number,
    error: unknown,
  ): Promise<T> {
    const gaveUp = await nextAttempt(retry, budget, number, error, currentLimits());
    if (gaveUp !== 'not-retryable') this.listener.onRetry?.(number + 1, gaveUp);
    if (gaveUp) throw error;
    return this.#runAgain(parts, work, budget, number + 1);
  }

  #runHedged<T>(
    parts: PolicyParts,
    hedge: HedgeOptions,
    work: Work<T>,
    budget: RetryBudget,
    number: number,
  ): Promise<T> {
    const start = (index: number) => {
      const attempt = new Attempt(number + index - 1);
      if (index > 1) this.listener.onRetry?.(attempt.number, undefined);
      return {
        result: this.#runOnce(parts, attempt, work),
        abort: () => attempt.abort(callCancelled()),
      };
    };
    const mayBegin = (): boolean => {
      const isPaid = budget.tryWithdraw();
      if (!isPaid) this.listener.onRetry?.(number + 1, 'budget');
      return isPaid;
    };
    return hedged(hedge, mayBegin, start, currentLimits());
  }

  #runOnce<T>(parts: PolicyParts, attempt: Attempt, work: Work<T>): Promise<T> {
    const { breaker, bulkhead } = parts;
    const now = performance.now();
    const ticket = breaker ? breaker.enter(now) : 0;
    if (breaker && ticket === REFUSED)
      return this.#refuse('refused', circuitOpen(this.name, breaker.retryAfterMs(now)));
    const place = bulkhead ? bulkhead.enter(attempt) : true;
    if (place === true) return this.#start(parts, attempt, ticket, now, work);
    return this.#startWithPlace(parts, attempt, ticket, place, work);
  }

  async #startWithPlace<T>(
    parts: PolicyParts,
    attempt: Attempt,
    ticket: number,
    place: boolean | Promise<boolean>,
    work: Work<T>,
  ): Promise<T> {
    if (await place) return this.#start(parts, attempt, ticket, performance.now(), work);
    // It has listened to whoever asked while it waited.
    attempt.end();
    parts.breaker?.release(ticket);
    const { abortReason } = attempt;
    if (abortReason && outcomeOf(abortReason) === 'cancelled') return this.#refuse('cancelled', abortReason);
    return this.#refuse('full', bulkheadFull(this.name));
  }

  #start<T>(parts: PolicyParts, attempt: Attempt, ticket: number, begin: number, work: Work<T>): Promise<T> {
    const { timeoutMs } = parts;
    const wasOver = attempt.abortReason !== undefined;
    const result =
      timeoutMs === undefined ? attempt.run(work) : runWithTimeout(this.name, attempt, timeoutMs, work);
    return result.then(
      (value) => {
        attempt.end();
        if (attempt.rest) this.#settleLater(parts, attempt, attempt.rest, ticket, begin);
        else this.#settle(parts, ticket, begin, 'success');
        return value;
      },
      (error: unknown) => {
        attempt.end();
        // What begins after the end of its call says nothing.
        this.#settle(parts, ticket, begin, wasOver ? 'cancelled' : outcomeOf(attempt.abortReason ?? error));
        throw error;
      },
    );
  }

  /** A stream has its place until its end, and counts by it where its breaker has not heard enough by its begin. */
  #settleLater(
    parts: PolicyParts,
    attempt: Attempt,
    rest: Promise<void>,
    ticket: number,
    begin: number,
  ): void {
    const { breaker, ...others } = parts;
    let toSettle = parts;
    if (breaker)
      attempt.whenBegun(() => {
        const now = performance.now();
        if (breaker.begun(ticket, now, now - begin)) toSettle = others;
      });
    rest.then(
      () => this.#settle(toSettle, ticket, begin, 'success'),
      (error: unknown) => this.#settle(toSettle, ticket, begin, outcomeOf(error)),
    );
  }

  #refuse(outcome: 'refused' | 'full' | 'cancelled', error: Error): Promise<never> {
    this.listener.onEnd?.(outcome);
    return Promise.reject(error);
  }

  #settle({ breaker, bulkhead }: PolicyParts, ticket: number, begin: number, outcome: Outcome): void {
    bulkhead?.leave();
    this.listener.onEnd?.(outcome);
    if (!breaker) return;
    const now = performance.now();
    if (outcome === 'success' || outcome === 'failure')
      breaker.settle(ticket, now, outcome === 'failure', now - begin);
    else breaker.release(ticket);
  }
}

/** A refusal of a policy further inside, and a call that nobody waits for, say nothing about the dependency. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof PolicyRefusal) return 'ignored';
  const code = codeOf(error);
  if (code === 'CANCELLED') return 'cancelled';
  return FAILURE_CODES.has(code) ? 'failure' : 'success';
}
