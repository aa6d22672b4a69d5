import { SetMetadata } from '@nestjs/common';

const MARK = 'chassis:on-drain';

/**
 * When a provider's method takes part in a drain:
 * - `withdraw`: the instance still serves, nobody knows yet that it will go. For what announces it
 *   (a registration, a leader's lease) and for what fetches work of its own (a queue's consumer).
 * - `calls`: no new call comes in. For work that runs beside the calls and should be finished.
 *
 * Dependencies need neither: Nest's `onModuleDestroy`, `beforeApplicationShutdown` and
 * `onApplicationShutdown` run after the last call has ended, importing modules before imported ones.
 */
export type DrainMoment = 'withdraw' | 'calls';

/**
 * Calls the method in a drain. It may return a promise, which is waited for: at most
 * SHUTDOWN_WITHDRAW_MS or SHUTDOWN_GRACE_MS; after that it is named in the log and left behind. A request-scoped or
 * transient provider with it ends the start.
 *
 * @example
 * ```ts
 * @OnDrain('withdraw')
 * async stopConsuming(): Promise<void> { … }
 * ```
 */
export function OnDrain(moment: DrainMoment): MethodDecorator {
  return SetMetadata(MARK, moment);
}

/** The moment that `method` is marked with. */
export function drainMomentOf(method: unknown): DrainMoment | undefined {
  if (typeof method !== 'function') return undefined;
  return Reflect.getMetadata(MARK, method) as DrainMoment | undefined;
}
