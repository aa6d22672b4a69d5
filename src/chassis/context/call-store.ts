import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallContext } from './call-context.js';

const store = new AsyncLocalStorage<CallContext>();

/** The call that the running code works for; `undefined` at start-up, in jobs and in timers of their own. */
export function currentCall(): CallContext | undefined {
  return store.getStore();
}

/** Runs `work` as part of `call`: whatever it starts, waits for or schedules sees the call. */
export function runInCall<T>(call: CallContext, work: () => T): T {
  return store.run(call, work);
}
