import 'reflect-metadata';
import type { Observable } from 'rxjs';
import type { BulkheadOptions } from './concurrency-limit.js';
import { checkOptions } from './complete-options.js';
import type { HedgeOptions } from './hedge.js';
import type { BreakerOptions, FallbackOptions, PolicyOptions, RetryRules } from './policy-options.js';
import type { RetryBudgetOptions } from './retry-budget.js';

const MARK = Symbol('chassis.policy');

/** What a method under a policy may return: its caller has to wait. */
type Eventual = Promise<unknown> | AsyncIterable<unknown> | Observable<unknown>;

/**
 * On a method that returns a promise, an async iterable or an observable: another is refused by the compiler,
 * and at the start. On a class: each async method and async generator; of a controller each handler.
 */
export interface PolicyDecorator {
  (target: abstract new (...args: never[]) => object): void;
  <Method extends (...args: never[]) => Eventual>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

export interface NamedPolicy {
  /**
   * In metrics, spans, errors, RESILIENCE_POLICIES and the management port. Methods with one name share one
   * policy: its breaker, its places, its budget.
   * @default `Class.method`
   */
  readonly name?: string;
}

interface MayRepeat {
  /**
   * Whether the work may be done twice.
   * @default as the HTTP method of a handler says; a method of a provider that the decorator stands on may, an rpc may not
   */
  readonly isIdempotent?: boolean;
  /** Further attempts for each first one, and how many at once. @default ratio 0.1, burst 10 */
  readonly budget?: Partial<RetryBudgetOptions>;
}

/** What decorators say of a method or a class, together. */
export interface PolicyMark extends NamedPolicy {
  readonly options: PolicyOptions;
}

/**
 * Refuses calls while most of them fail; see docs/resilience.md for the strategies. By default half of at least
 * 10 calls in the last 10 s.
 * @throws {TypeError} when an option is not valid; so do all decorators here
 *
 * @example
 * ```ts
 * @CircuitBreaker({ strategy: 'slow-call-ratio', maxAllowedRtMs: 200 })
 * @Timeout(500)
 * async priceOf(article: string): Promise<Price> { … }
 * ```
 */
export function CircuitBreaker(options: BreakerOptions & NamedPolicy = {}): PolicyDecorator {
  const { name, ...breaker } = options;
  return decorator('@CircuitBreaker', name, { breaker });
}

/**
 * Ends an attempt that takes longer: a stream, where its first message does.
 * @param timeoutMs milliseconds of each attempt @default 1000
 */
export function Timeout(
  timeoutMs = 1000,
  {
    name,
    totalMs,
  }: NamedPolicy & {
    /** Milliseconds of all attempts together. @default none */ readonly totalMs?: number;
  } = {},
): PolicyDecorator {
  return decorator('@Timeout', name, {
    timeoutMs,
    ...(totalMs !== undefined && { totalTimeoutMs: totalMs }),
  });
}

/** Tries again after a failure that may pass: three attempts by default, paid for from a budget. */
export function Retry({
  name,
  isIdempotent,
  budget,
  ...retry
}: RetryRules & NamedPolicy & MayRepeat = {}): PolicyDecorator {
  return decorator('@Retry', name, { retry, ...repeat(isIdempotent, budget) });
}

/** Asks a second time while the first answer is late, by default by 100 ms, and takes the one that comes first. */
export function Hedge({
  name,
  isIdempotent,
  budget,
  ...hedge
}: Partial<HedgeOptions> & NamedPolicy & MayRepeat = {}): PolicyDecorator {
  return decorator('@Hedge', name, { hedge, ...repeat(isIdempotent, budget) });
}

/** Bounds how many calls run at a time: 100 by default. A stream has its place until it ends. */
export function Bulkhead({
  name,
  ...bulkhead
}: Partial<BulkheadOptions> & NamedPolicy = {}): PolicyDecorator {
  return decorator('@Bulkhead', name, { bulkhead });
}

/**
 * Answers in another way when the work has failed: by the first step that is meant for the failure and
 * succeeds in its time.
 *
 * @example
 * ```ts
 * @Fallback([
 *   { name: 'snapshot', timeoutMs: 100, run: 'lastKnown' },
 *   { name: 'static', timeoutMs: 10, value: [] },
 * ])
 * ```
 */
export function Fallback(steps: readonly FallbackOptions[], { name }: NamedPolicy = {}): PolicyDecorator {
  if (steps.length === 0) throw new TypeError('@Fallback: needs one step at least');
  return decorator('@Fallback', name, { fallback: steps });
}

/** What stands above a method or a class, `undefined` when nothing does. */
export function policyMarkOf(holder: object): PolicyMark | undefined {
  return Reflect.getMetadata(MARK, holder) as PolicyMark | undefined;
}

function repeat(
  isIdempotent: boolean | undefined,
  budget: Partial<RetryBudgetOptions> | undefined,
): PolicyOptions {
  return { ...(isIdempotent !== undefined && { isIdempotent }), ...(budget && { budget }) };
}

function decorator(what: string, name: string | undefined, part: PolicyOptions): PolicyDecorator {
  checkOptions(what, part);
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const holder = (descriptor?.value as object | undefined) ?? target;
    const known = Reflect.getOwnMetadata(MARK, holder) as PolicyMark | undefined;
    Reflect.defineMetadata(MARK, add(what, known, name, part), holder);
  };
}

/** @throws {TypeError} when they contradict each other */
function add(
  what: string,
  known: PolicyMark | undefined,
  name: string | undefined,
  part: PolicyOptions,
): PolicyMark {
  const twice = Object.keys(part).find((key) => known && key in known.options);
  if (twice !== undefined)
    throw new TypeError(`${what}: ${twice} is said twice on one method or class; leave one out`);
  if (name !== undefined && known?.name !== undefined && known.name !== name)
    throw new TypeError(
      `${what}: the policy is named "${known.name}" and "${name}"; decorators of one method make one policy`,
    );
  const either = name ?? known?.name;
  return { ...(either !== undefined && { name: either }), options: { ...known?.options, ...part } };
}
