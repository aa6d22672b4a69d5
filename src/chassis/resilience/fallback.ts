import { currentLimits, type CallContext } from '../context/index.js';
import { toServiceError, type Code, type ServiceError } from '../errors/index.js';
import { Attempt } from './attempt.js';
import { codeOf } from './failures.js';
import { runWithTimeout } from './timeout.js';

/** What a step may decide by. */
export interface FallbackContext {
  /** What the work failed with, as the caller would see it. */
  readonly error: ServiceError;
  /** What the work failed with: of another service's answer its own code, where the caller would see INTERNAL. */
  readonly code: Code;
  /** Milliseconds from the begin of the work until it failed. */
  readonly elapsedMs: number;
  /** The call, where there is one: who calls, and what for. */
  readonly call: CallContext | undefined;
  /** What the work was called with. */
  readonly args: readonly unknown[];
  /** The instance whose method the work is; `undefined` for other work. */
  readonly self: unknown;
  /** Share of the last second or more in which the event loop was busy, 0 to 1. */
  readonly load: number;
}

/** One way to answer when the work has failed. */
export interface FallbackStep<T> {
  /** In metric, span and answer header; kebab-case. */
  readonly name: string;
  /** Milliseconds that it may take. @default 100 */
  readonly timeoutMs: number;
  /** Whether the step is meant for this failure. @default for each */
  readonly when?: (context: FallbackContext) => boolean;
  readonly run: (context: FallbackContext) => T | PromiseLike<T>;
}

/** Told of each step that was tried: with no error it has answered. */
export type FallbackListener = (step: string, context: FallbackContext, error?: unknown) => void;

/**
 * Answers by the first step that is meant for the failure and succeeds within its time. When none does, fails
 * with what the work failed with: the steps' own failures are told to the listener only.
 */
export async function fallBack<T>(
  name: string,
  steps: readonly FallbackStep<T>[],
  thrown: unknown,
  context: Omit<FallbackContext, 'error' | 'code'>,
  listener?: FallbackListener,
): Promise<T> {
  const known: FallbackContext = { ...context, error: toServiceError(thrown), code: codeOf(thrown) };
  for (const step of steps) {
    if (currentLimits()?.abortReason) break;
    try {
      if (step.when && !step.when(known)) continue;
      const stepName = `${name}/${step.name}`;
      const answer = await runWithTimeout(stepName, new Attempt(1), step.timeoutMs, () => step.run(known));
      listener?.(step.name, known);
      return answer;
    } catch (error) {
      listener?.(step.name, known, error);
    }
  }
  throw thrown;
}
