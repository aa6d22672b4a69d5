import { faultOfRules } from '../config/index.js';
import type { AdaptiveRule } from './adaptive-breaker.js';
import type { StateBreakerRule } from './breaker-rule.js';
import type { BulkheadOptions } from './concurrency-limit.js';
import { RETRYABLE_CODES } from './failures.js';
import type { HedgeOptions } from './hedge.js';
import type { BreakerOptions, FallbackOptions, PolicyOptions, RetryRules } from './policy-options.js';
import type { RetryOptions } from './retry.js';
import type { RetryBudgetOptions } from './retry-budget.js';

/** The rule of any breaker, complete. */
export type BreakerRule = StateBreakerRule | AdaptiveRule;

const STATE_RULE = {
  retryTimeoutMs: 5000,
  minRequestAmount: 10,
  statIntervalMs: 10_000,
  statBuckets: 10,
  probeNum: 1,
  probeTimeoutMs: 10_000,
};
/** What each strategy has beside its name; others' fields are refused. */
const BREAKER_RULES = {
  'error-ratio': { threshold: 0.5, ...STATE_RULE },
  'error-count': { threshold: 10, ...STATE_RULE },
  'slow-call-ratio': { threshold: 0.5, maxAllowedRtMs: 1000, ...STATE_RULE },
  adaptive: { k: 1.5, protection: 5, statIntervalMs: 10_000, statBuckets: 40, forcePassMs: 1000 },
};
const BUDGET: RetryBudgetOptions = { ratio: 0.1, burst: 10 };
const BULKHEAD: BulkheadOptions = { maxConcurrent: 100, maxQueued: 0, maxWaitMs: 1000 };
const HEDGE: HedgeOptions = { delayMs: 100, maxAttempts: 2 };
const RETRY: RetryOptions = { maxAttempts: 3, baseMs: 50, maxMs: 2000, codes: RETRYABLE_CODES };

/** @throws {TypeError} saying which option of what is not valid and what it must be */
export function checkOptions(where: string, { fallback, ...rules }: PolicyOptions): void {
  const fault = faultOfRules(rules) ?? faultOfBreaker(rules.breaker ?? {}) ?? faultOfSteps(fallback ?? []);
  if (fault !== undefined) throw new TypeError(`${where}: ${fault}`);
}

export function completeBreaker(options: BreakerOptions): BreakerRule {
  const { strategy = 'error-ratio' } = options;
  return { strategy, ...BREAKER_RULES[strategy], ...options } as BreakerRule;
}

export function completeBudget(options: Partial<RetryBudgetOptions>): RetryBudgetOptions {
  return { ...BUDGET, ...options };
}

export function completeBulkhead(options: Partial<BulkheadOptions>): BulkheadOptions {
  return { ...BULKHEAD, ...options };
}

export function completeHedge(options: Partial<HedgeOptions>): HedgeOptions {
  return { ...HEDGE, ...options };
}

export function completeRetry({ codes, ...options }: RetryRules): RetryOptions {
  return { ...RETRY, ...options, ...(codes && { codes: new Set(codes) }) };
}

function faultOfBreaker(options: BreakerOptions): string | undefined {
  const { strategy = 'error-ratio', ...fields } = options;
  const known = BREAKER_RULES[strategy];
  const foreign = Object.keys(fields).find((field) => !(field in known));
  if (foreign !== undefined)
    return `breaker.${foreign}: is no field of ${strategy}, which has ${Object.keys(known).join(', ')}`;
  const { threshold = 0 } = options as { threshold?: number };
  if (strategy === 'error-count') return undefined;
  return threshold > 1 ? `breaker.threshold: must be a ratio up to 1 for ${strategy}` : undefined;
}

const STEP_NAME = /^[a-z][a-z0-9-]{0,63}$/;

function faultOfSteps(steps: readonly FallbackOptions[]): string | undefined {
  for (const [index, { name, run, timeoutMs = Infinity }] of steps.entries()) {
    const step = steps[index] as object;
    if (!STEP_NAME.test(name)) return `fallback.${index}.name: must be lower-case letters, digits and "-"`;
    if (steps.findIndex((other) => other.name === name) < index)
      return `fallback.${index}.name: must be a name that no other step has`;
    if ((run === undefined) === !('value' in step)) return `fallback.${index}: must have either run or value`;
    if (!(timeoutMs >= 1)) return `fallback.${index}.timeoutMs: must be 1 ms at least`;
  }
  return undefined;
}
