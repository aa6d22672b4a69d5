export type { Policy, Quota } from './policy.js';
export { RateLimit, SkipRateLimit } from './rate-limit.decorator.js';
export { RateLimitGuard } from './rate-limit.guard.js';
export { RateLimitModule } from './rate-limit.module.js';
export type { CostOf, KeyOf, RateLimitKey, RateLimitOptions } from './rate-limit.options.js';
export { RateLimits, type PolicyDescription } from './rate-limits.js';
