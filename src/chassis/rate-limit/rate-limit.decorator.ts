import { checkOptions } from './check-options.js';
import type { RateLimitOptions } from './rate-limit.options.js';

const POLICIES = Symbol('chassis:rate-limits');
const SKIP = Symbol('chassis:skip-rate-limit');

/**
 * Limits how often a handler, or each handler of a controller, may be called, over REST and gRPC alike. Several
 * may stand above each other: a call needs the consent of all. A call beyond a limit answers 429 /
 * RESOURCE_EXHAUSTED with the reason RATE_LIMITED.
 * @throws {TypeError} when an option is not valid
 *
 * @example
 * ```ts
 * @RateLimit({ limit: 100, windowMs: 60_000, by: 'principal' })
 * @RateLimit({ limit: 1000 })
 * @Post()
 * create(…) { … }
 * ```
 */
export function RateLimit(options: RateLimitOptions): ClassDecorator & MethodDecorator {
  checkOptions(options);
  const frozen = Object.freeze({ ...options });
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const holder = holderOf(target, descriptor);
    const known = (Reflect.getOwnMetadata(POLICIES, holder) ?? []) as RateLimitOptions[];
    Reflect.defineMetadata(POLICIES, [frozen, ...known], holder);
  };
}

/** Limits nothing here, whatever the controller or RATE_LIMIT_POLICIES say. */
export function SkipRateLimit(): ClassDecorator & MethodDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    Reflect.defineMetadata(SKIP, true, holderOf(target, descriptor));
  };
}

/** The policies that stand above a class or a method, from top to bottom. */
export function optionsOf(holder: object): readonly RateLimitOptions[] {
  return (Reflect.getMetadata(POLICIES, holder) ?? []) as RateLimitOptions[];
}

export function isSkipped(holder: object): boolean {
  return Reflect.getMetadata(SKIP, holder) === true;
}

/** The decorator of this file that stands above a class or a method. */
export function rateLimitDecoratorOf(holder: object): string | undefined {
  if (isSkipped(holder)) return '@SkipRateLimit';
  return optionsOf(holder).length > 0 ? '@RateLimit' : undefined;
}

function holderOf(target: object, descriptor: PropertyDescriptor | undefined): object {
  return descriptor ? (descriptor.value as object) : target;
}
