import { currentCall, type Call } from '../context/index.js';
import type { Method } from '../lifecycle/index.js';
import { isAsyncIterable } from '../streams/index.js';
import { isIdempotentVerb, type MethodKind } from './method-kind.js';
import type { Policy } from './policy.js';
import type { RoutedPolicies } from './routed-policies.js';
import { runAny, runIterable, runObservable } from './run-stream.js';

/**
 * The method under its policy; what it returns is of the same kind. A handler's always is a promise.
 * @param mayRepeat whether it may be made twice, asked at each call: the configuration may say otherwise
 */
export function guardMethod(
  policy: Policy,
  kind: MethodKind,
  mayRepeat: () => boolean,
  method: Method,
): Method {
  if (kind === 'promise')
    return function (this: unknown, ...args: unknown[]): Promise<unknown> {
      return policy.run(() => method.apply(this, args), mayRepeat(), args, this);
    };
  const run = { handler: runAny, iterable: runIterable, observable: runObservable }[kind];
  return function (this: unknown, ...args: unknown[]): unknown {
    const isIdempotent = mayRepeat();
    return run(policy, { invoke: () => method.apply(this, args), isIdempotent, args, self: this });
  };
}

/** A handler under the policy that the configuration lays over its route or rpc, where there is one. */
export function guardHandler(routed: RoutedPolicies, method: Method): Method {
  return function (this: unknown, ...args: unknown[]): unknown {
    const managed = routed.isEmpty ? undefined : routed.of(currentCall());
    if (!managed) return method.apply(this, args);
    const isIdempotent = mayRepeatCall(managed.isIdempotent, currentCall() as Call, args);
    return runAny(managed.policy, { invoke: () => method.apply(this, args), isIdempotent, args, self: this });
  };
}

/** A stream that is read cannot be read again. */
function mayRepeatCall(isIdempotent: boolean | undefined, call: Call, args: readonly unknown[]): boolean {
  if (isAsyncIterable(args[0])) return false;
  return isIdempotent ?? (call.transport === 'http' && isIdempotentVerb(call.method));
}
