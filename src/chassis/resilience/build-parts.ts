import { ConcurrencyLimit } from './concurrency-limit.js';
import { completeBudget, completeBulkhead, completeHedge, completeRetry } from './complete-options.js';
import type { FallbackContext, FallbackStep } from './fallback.js';
import type { PolicyParts } from './policy.js';
import type { FallbackOptions, PolicyOptions } from './policy-options.js';
import { RetryBudget } from './retry-budget.js';

const STEP_TIMEOUT_MS = 100;
/** A bulkhead that was taken away keeps nobody waiting. */
const UNBOUNDED = { maxConcurrent: Infinity, maxQueued: 0, maxWaitMs: 0 };

/**
 * The parts of a policy but its breaker. Bulkhead and budget are those that were there before, with their new options:
 * who runs and waits, and what is left, stay.
 */
export function buildParts(options: PolicyOptions, before: PolicyParts): Omit<PolicyParts, 'breaker'> {
  const { timeoutMs, totalTimeoutMs, retry, hedge, fallback } = options;
  const bulkhead = bulkheadOf(options.bulkhead, before.bulkhead);
  const budget = options.budget ?? (retry || hedge ? {} : undefined);
  return {
    ...(fallback && fallback.length > 0 && { fallback: fallback.map(stepOf) }),
    ...(totalTimeoutMs && { totalTimeoutMs }),
    ...(retry && { retry: completeRetry(retry) }),
    ...(hedge && { hedge: completeHedge(hedge) }),
    ...(budget && { budget: budgetOf(budget, before.budget) }),
    ...(bulkhead && { bulkhead }),
    ...(timeoutMs && { timeoutMs }),
  };
}

function budgetOf(
  options: NonNullable<PolicyOptions['budget']>,
  before: RetryBudget | undefined,
): RetryBudget {
  const complete = completeBudget(options);
  if (!before) return new RetryBudget(complete);
  before.options = complete;
  return before;
}

function bulkheadOf(
  options: PolicyOptions['bulkhead'],
  before: ConcurrencyLimit | undefined,
): ConcurrencyLimit | undefined {
  if (!before) return options ? new ConcurrencyLimit(completeBulkhead(options)) : undefined;
  before.options = options ? completeBulkhead(options) : UNBOUNDED;
  return options ? before : undefined;
}

function stepOf({
  name,
  timeoutMs = STEP_TIMEOUT_MS,
  codes,
  when,
  run,
  value,
}: FallbackOptions): FallbackStep<unknown> {
  const isMeant = (context: FallbackContext): boolean =>
    (!codes || codes.includes(context.code)) && (!when || when(context));
  return {
    name,
    timeoutMs,
    ...((codes || when) && { when: isMeant }),
    run: typeof run === 'string' ? (context) => callMethod(run, context) : (run ?? (() => value)),
  };
}

/** Whether the instance has the method is checked where the policy is put over it. */
function callMethod(name: string, context: FallbackContext): unknown {
  const methods = context.self as Readonly<Record<string, (...args: unknown[]) => unknown>>;
  return methods[name]?.(...context.args, context);
}
