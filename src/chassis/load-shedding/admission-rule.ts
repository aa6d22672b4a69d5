/** What a call may be refused for: it would wait too long, or too many calls are under way for the loop or the CPU. */
export type ShedReason = 'event_loop' | 'concurrency' | 'cpu';

/** What an operator sets. */
export interface AdmissionRule {
  /** A call of the class `default` may wait so long for the event loop, in milliseconds. */
  readonly delayMs: number;
  /** From this share of the CPU that the process may use it counts as saturated, 0 to 1. */
  readonly cpuRatio: number;
  /** So many calls may be under way whatever the estimate says. */
  readonly minInFlight: number;
}

/** What a class bears more or less than `default`, by its place in `PRIORITIES`: the wait and the calls under way. */
export const PATIENCE: readonly number[] = [4, 1, 0.5];
