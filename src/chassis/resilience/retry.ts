import { MAX_TIMER_MS, type Limits } from '../context/index.js';
import { CodedError, type Code } from '../errors/index.js';
import { fullJitterMs, type BackoffOptions } from './backoff.js';
import { codeOf, PolicyRefusal } from './failures.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetryOptions extends BackoffOptions {
  /** The first one included. @default 3 */
  readonly maxAttempts: number;
  /** Codes after which it makes sense. @default UNAVAILABLE */
  readonly codes: ReadonlySet<Code>;
}

/** Why there was no further attempt. */
export type GaveUp = 'not-retryable' | 'attempts' | 'budget' | 'deadline';

/**
 * Resolves when the next attempt may begin, or says why there is none. The wait is at least what the error
 * asks for; where that is longer than anybody waits, there is no wait. The attempt is paid for.
 * @param attempt number of the one that failed, 1 for the first
 * @param limits of all attempts together
 */
export async function nextAttempt(
  options: RetryOptions,
  budget: RetryBudget,
  attempt: number,
  error: unknown,
  limits: Limits | undefined,
): Promise<GaveUp | undefined> {
  if (error instanceof PolicyRefusal || !options.codes.has(codeOf(error))) return 'not-retryable';
  if (attempt >= options.maxAttempts) return 'attempts';
  const asked = error instanceof CodedError ? (error.retryAfterMs ?? 0) : 0;
  const waitMs = Math.max(asked, fullJitterMs(attempt, options));
  if (waitMs >= Math.min(limits?.remainingMs ?? Infinity, MAX_TIMER_MS) || limits?.abortReason)
    return 'deadline';
  if (!budget.tryWithdraw()) return 'budget';
  await pause(waitMs, limits?.signal);
  return limits?.abortReason ? 'deadline' : undefined;
}

/** Ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
