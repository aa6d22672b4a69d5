import type { BreakerOptions, PolicyOptions } from './policy-options.js';

/**
 * The options with others on top: what is left out there stays, parts field by field, and `null` takes a part
 * away. A breaker of another strategy has none of the fields of the one below it.
 */
export function mergeOptions(below: PolicyOptions, above: PolicyOptions): PolicyOptions {
  const { fallback = below.fallback, totalTimeoutMs = below.totalTimeoutMs } = above;
  const { timeoutMs = below.timeoutMs, isIdempotent = below.isIdempotent } = above;
  return {
    fallback,
    totalTimeoutMs,
    timeoutMs,
    isIdempotent,
    retry: mergePart(below.retry, above.retry),
    hedge: mergePart(below.hedge, above.hedge),
    budget: mergePart(below.budget, above.budget),
    bulkhead: mergePart(below.bulkhead, above.bulkhead),
    breaker: isOtherStrategy(below.breaker, above.breaker)
      ? above.breaker
      : mergePart(below.breaker, above.breaker),
  };
}

type Part<T> = T | null | undefined;

function mergePart<T extends object>(below: Part<T>, above: Part<T>): Part<T> {
  return below && above ? { ...below, ...above } : above === undefined ? below : above;
}

function isOtherStrategy(below: Part<BreakerOptions>, above: Part<BreakerOptions>): boolean {
  if (!above?.strategy) return false;
  return above.strategy !== (below?.strategy ?? 'error-ratio');
}
