import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallContext } from './call-context.js';
import type { Disturbance } from './interference.js';
import type { Limits } from './limits.js';
import type { Scope } from './scope.js';

const store = new AsyncLocalStorage<Scope>();

/** The call, or the run of a job, that the running code works for; `undefined` at start-up and in timers of their own. */
export function currentCall(): CallContext | undefined {
  return store.getStore()?.call;
}

/** How long the running code may take and what tells it to stop: its attempt's limits, else its call's. */
export function currentLimits(): Limits | undefined {
  const scope = store.getStore();
  return scope?.attempt ?? scope?.call;
}

/**
 * What is to be done on purpose to work of a dependency, such as `database` or `client:payments`, that the
 * running code asks for. Only work of calls and jobs is ever disturbed: no health check, no start.
 */
export function disturbanceOf(dependency: string): Disturbance | undefined {
  const call = store.getStore()?.call;
  return call?.interference?.ofDependency?.(dependency, call);
}

/** The call and the span that the running code works in; `undefined` outside of both. */
export function currentScope(): Scope | undefined {
  return store.getStore();
}

/** Runs `work` as part of `call`: whatever it starts, waits for or schedules sees the call. */
export function runInCall<T>(call: CallContext, work: () => T): T {
  return store.run(call.scope, work);
}

/** Runs `work` in a scope, such as that of a span within a call. */
export function runInScope<T>(scope: Scope, work: () => T): T {
  return store.run(scope, work);
}
