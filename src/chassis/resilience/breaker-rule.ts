import type { SlidingWindow } from './sliding-window.js';

/** What all breakers with states have in common. */
interface StateRule {
  /** Milliseconds that it stays open before it lets probes through. @default 5000 */
  readonly retryTimeoutMs: number;
  /** Calls within the window below which it stays closed. @default 10 */
  readonly minRequestAmount: number;
  /** Milliseconds that the window looks back. @default 10000 */
  readonly statIntervalMs: number;
  /** Parts of the window. @default 10 */
  readonly statBuckets: number;
  /** Successful probes that close it; so many may run at a time. @default 1 */
  readonly probeNum: number;
  /** Milliseconds after which a probe without an end, or of a stream a first message, counts as failed. @default 10000 */
  readonly probeTimeoutMs: number;
}

/** Opens when the share of failed calls reaches `threshold`, 0 to 1. */
export interface ErrorRatioRule extends StateRule {
  readonly strategy: 'error-ratio';
  readonly threshold: number;
}

/** Opens when the number of failed calls reaches `threshold`. */
export interface ErrorCountRule extends StateRule {
  readonly strategy: 'error-count';
  readonly threshold: number;
}

/** Opens when the share of calls that took longer than `maxAllowedRtMs` reaches `threshold`, 0 to 1. */
export interface SlowCallRatioRule extends StateRule {
  readonly strategy: 'slow-call-ratio';
  readonly threshold: number;
  readonly maxAllowedRtMs: number;
}

/** Fields and strategies as Sentinel has them: https://sentinelguard.io, circuit breaking. */
export type StateBreakerRule = ErrorRatioRule | ErrorCountRule | SlowCallRatioRule;

/** Whether a call was one of those that the rule is about. */
export function isBad(rule: StateBreakerRule, isFailed: boolean, durationMs: number): boolean {
  return rule.strategy === 'slow-call-ratio' ? durationMs > rule.maxAllowedRtMs : isFailed;
}

/** Whether what the window has seen opens the breaker; slow calls are flagged there. */
export function isTripped(rule: StateBreakerRule, { total, failed, flagged }: SlidingWindow): boolean {
  if (total < rule.minRequestAmount) return false;
  switch (rule.strategy) {
    case 'error-count':
      return failed >= rule.threshold;
    case 'error-ratio':
      return failed >= rule.threshold * total;
    case 'slow-call-ratio':
      return flagged >= rule.threshold * total;
    default:
      return rule satisfies never;
  }
}
