import type { Code } from '../errors/index.js';
import type { AdaptiveRule } from './adaptive-breaker.js';
import type { BackoffOptions } from './backoff.js';
import type { ErrorCountRule, ErrorRatioRule, SlowCallRatioRule } from './breaker-rule.js';
import type { BulkheadOptions } from './concurrency-limit.js';
import type { FallbackContext } from './fallback.js';
import type { HedgeOptions } from './hedge.js';
import type { RetryBudgetOptions } from './retry-budget.js';

type RuleOptions<Rule extends { readonly strategy: string }> = Pick<Rule, 'strategy'> &
  Partial<Omit<Rule, 'strategy'>>;

/** The rule of a breaker; what is left out has the default of its field. */
export type BreakerOptions =
  | RuleOptions<ErrorRatioRule>
  | RuleOptions<ErrorCountRule>
  | RuleOptions<SlowCallRatioRule>
  | RuleOptions<AdaptiveRule>
  /** Without a strategy it is `error-ratio`. */
  | (Partial<Omit<ErrorRatioRule, 'strategy'>> & { readonly strategy?: undefined });

export interface RetryRules extends Partial<BackoffOptions> {
  /** The first one included. @default 3 */
  readonly maxAttempts?: number;
  /** Canonical codes after which it makes sense. @default UNAVAILABLE */
  readonly codes?: readonly Code[];
}

/** One way to answer when the work has failed: `run`, or the same `value` each time. */
export interface FallbackOptions {
  /** In metric, span, log and answer header; kebab-case. */
  readonly name: string;
  /** Milliseconds that it may take. @default 100 */
  readonly timeoutMs?: number;
  /** Canonical codes of failures that it is meant for. @default each */
  readonly codes?: readonly Code[] | undefined;
  /** Whether it is meant for this failure, this caller, this load. @default for each */
  readonly when?: (context: FallbackContext) => boolean;
  /**
   * What answers: a function, or the name of a method of the same instance, which gets the arguments of the
   * work and then the context.
   */
  readonly run?: string | ((context: FallbackContext) => unknown);
  /** What is answered where there is no `run`. */
  readonly value?: unknown;
}

/**
 * What a policy does, as data; whatever is left out is not done. `{}` for a part is that part with its defaults.
 * What is `null` is not done either: in the configuration it takes away what the code says.
 */
export interface PolicyOptions {
  /** Steps in the order in which they are tried. */
  readonly fallback?: readonly FallbackOptions[] | null | undefined;
  /** Milliseconds for all attempts and waits together. */
  readonly totalTimeoutMs?: number | null | undefined;
  readonly retry?: RetryRules | null | undefined;
  readonly hedge?: Partial<HedgeOptions> | null | undefined;
  /** Of retries and hedges. @default ratio 0.1, burst 10 where there is either */
  readonly budget?: Partial<RetryBudgetOptions> | null | undefined;
  readonly breaker?: BreakerOptions | null | undefined;
  readonly bulkhead?: Partial<BulkheadOptions> | null | undefined;
  /** Milliseconds for each attempt. */
  readonly timeoutMs?: number | null | undefined;
  /**
   * Whether the work may be done twice, where whoever runs it does not know: of routes, rpcs and methods.
   * @default as its HTTP method says; an rpc may not
   */
  readonly isIdempotent?: boolean | undefined;
}
