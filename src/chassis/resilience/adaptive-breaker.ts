import {
  REFUSED,
  type Breaker,
  type BreakerCounts,
  type BreakerListener,
  type BreakerState,
} from './state-breaker.js';
import { countsOf, windowFor, type SlidingWindow } from './sliding-window.js';
import { Transitions } from './transitions.js';

export interface AdaptiveRule {
  readonly strategy: 'adaptive';
  /** Calls that may come for each one that succeeds; lower refuses earlier. @default 1.5 */
  readonly k: number;
  /** Calls within the window that are never held against the dependency. @default 5 */
  readonly protection: number;
  /** Milliseconds that the window looks back. @default 10000 */
  readonly statIntervalMs: number;
  /** Parts of the window. @default 40 */
  readonly statBuckets: number;
  /** After so many milliseconds without a call let through, one is. @default 1000 */
  readonly forcePassMs: number;
}

/**
 * Refuses as many calls as the dependency cannot take, by chance: with `calls` and `accepts` (those that
 * succeeded) of the window, each call is refused with the probability
 *
 *     max(0, (calls − protection − k × accepts) / (calls + 1)) × (1 − flawless / parts)
 *
 * Refused calls count as calls. `flawless` are the newest parts of the window in which calls succeeded and none
 * failed: without that factor a dependency that has recovered would wait for minutes until it gets its calls
 * back. Source: Google, "Site Reliability Engineering", chapter 21, client-side throttling; protection, forced
 * pass and the factor as go-zero has them.
 */
export class AdaptiveBreaker implements Breaker {
  #rule: AdaptiveRule;
  #window: SlidingWindow;
  #nextTicket = 0;
  #lastPassMs = -Infinity;
  #state: BreakerState = 'closed';
  readonly #transitions = new Transitions();

  /** @param random numbers from 0 up to 1 */
  constructor(
    rule: AdaptiveRule,
    private readonly random: () => number = Math.random,
  ) {
    this.#rule = rule;
    this.#window = windowFor(rule);
  }

  /** `half-open` while it refuses some calls, and `closed` while none; it is never wholly open. */
  get state(): BreakerState {
    return this.#state;
  }

  get rule(): AdaptiveRule {
    return this.#rule;
  }

  /** From now on by another rule. What was counted stays where both look back alike. */
  set rule(rule: AdaptiveRule) {
    this.#window = windowFor(rule, this.#window);
    this.#rule = rule;
  }

  onTransition(listener: BreakerListener): () => void {
    return this.#transitions.add(listener);
  }

  /** The share of calls that would be refused now, 0 up to 1. */
  refusalRatio(nowMs: number): number {
    this.#window.slideTo(nowMs);
    const { total, failed, flagged } = this.#window;
    const { k, protection, statBuckets } = this.#rule;
    const ratio = (total - protection - k * (total - failed - flagged)) / (total + 1);
    return ratio > 0 ? ratio * (1 - this.#window.flawlessParts / statBuckets) : 0;
  }

  enter(nowMs: number): number {
    const ratio = this.refusalRatio(nowMs);
    this.#change(ratio > 0 ? 'half-open' : 'closed');
    const isForced = nowMs - this.#lastPassMs >= this.#rule.forcePassMs;
    if (ratio > 0 && !isForced && this.random() < ratio) {
      this.#window.add(nowMs, false, true);
      return REFUSED;
    }
    this.#lastPassMs = nowMs;
    return this.#nextTicket++;
  }

  /** A stream counts by its end. */
  begun(): boolean {
    return false;
  }

  settle(_ticket: number, nowMs: number, isFailed: boolean): void {
    this.#window.add(nowMs, isFailed, false);
  }

  release(): void {
    // Nothing is held between enter and settle.
  }

  retryAfterMs(nowMs: number): number {
    return this.#state === 'closed' ? 0 : Math.max(0, this.#lastPassMs + this.#rule.forcePassMs - nowMs);
  }

  /** What the window holds now. */
  counts(nowMs: number): BreakerCounts {
    return countsOf(this.#window, nowMs);
  }

  /** With nothing counted. */
  reset(): void {
    this.#window.clear();
    this.#change('closed');
  }

  #change(to: BreakerState): void {
    const from = this.#state;
    this.#state = to;
    this.#transitions.tell(from, to);
  }
}
