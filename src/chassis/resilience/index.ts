export { AdaptiveBreaker, type AdaptiveRule } from './adaptive-breaker.js';
export { Attempt, type Work } from './attempt.js';
export type { BackoffOptions } from './backoff.js';
export type { ErrorCountRule, ErrorRatioRule, SlowCallRatioRule, StateBreakerRule } from './breaker-rule.js';
export { Bulkhead, type BulkheadOptions } from './bulkhead.js';
export {
  CircuitBreaker,
  REFUSED,
  type Breaker,
  type BreakerCounts,
  type BreakerListener,
  type BreakerState,
} from './circuit-breaker.js';
export type { FallbackContext, FallbackListener, FallbackStep } from './fallback.js';
export type { HedgeOptions } from './hedge.js';
export type { BreakerDescription, ForcedState } from './breaker-control.js';
export type { ManagedPolicy } from './managed-policy.js';
export { Policy, type Outcome, type PolicyListener, type PolicyParts } from './policy.js';
export type { BreakerOptions, FallbackOptions, PolicyOptions, RetryRules } from './policy-options.js';
export { PolicyRegistry } from './policy-registry.js';
export { ResilienceModule } from './resilience.module.js';
export type { GaveUp, RetryOptions } from './retry.js';
export { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
