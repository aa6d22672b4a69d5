export { AdaptiveBreaker, type AdaptiveRule } from './adaptive-breaker.js';
export { Attempt, type Work } from './attempt.js';
export type { BackoffOptions } from './backoff.js';
export type { BreakerDescription, ForcedState } from './breaker-control.js';
export type { ErrorCountRule, ErrorRatioRule, SlowCallRatioRule, StateBreakerRule } from './breaker-rule.js';
export { ConcurrencyLimit, type BulkheadOptions } from './concurrency-limit.js';
export { createPolicy } from './create-policy.js';
export type { FallbackContext, FallbackListener, FallbackStep } from './fallback.js';
export type { HedgeOptions } from './hedge.js';
export { InstancePolicies } from './instance-policies.js';
export type { ManagedPolicy } from './managed-policy.js';
export { Policy, type Outcome, type PolicyListener, type PolicyParts } from './policy.js';
export {
  Bulkhead,
  CircuitBreaker,
  Fallback,
  Hedge,
  Retry,
  Timeout,
  type NamedPolicy,
  type PolicyDecorator,
} from './policy.decorators.js';
export type { BreakerOptions, FallbackOptions, PolicyOptions, RetryRules } from './policy-options.js';
export { PolicyRegistry } from './policy-registry.js';
export { ResilienceModule } from './resilience.module.js';
export { isIdempotentVerb } from './method-kind.js';
export type { GaveUp, RetryOptions } from './retry.js';
export { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
export {
  REFUSED,
  StateBreaker,
  type Breaker,
  type BreakerCounts,
  type BreakerListener,
  type BreakerState,
} from './state-breaker.js';
