import { isBad, isTripped, type StateBreakerRule } from './breaker-rule.js';
import { countsOf, windowFor, type SlidingWindow } from './sliding-window.js';
import { Transitions } from './transitions.js';

export type BreakerState = 'closed' | 'half-open' | 'open';

/** The breaker takes no call. */
export const REFUSED = -1;

/** What a breaker has seen within its window. */
export interface BreakerCounts {
  readonly total: number;
  readonly failed: number;
  /** Calls that were slow, of `slow-call-ratio`; calls that were refused, of `adaptive`. */
  readonly flagged: number;
}

/** Told of every change of state. */
export type BreakerListener = (from: BreakerState, to: BreakerState) => void;

/** What callers see of a breaker, whatever its strategy. */
export interface Breaker {
  readonly state: BreakerState;
  /** A ticket for one call, or `REFUSED`. Each ticket is handed to `settle` or `release` once. */
  enter(nowMs: number): number;
  /**
   * The call of this ticket goes on as a stream, whose first message is there.
   * @returns whether that says all: its end does not count any more
   */
  begun(ticket: number, nowMs: number, durationMs: number): boolean;
  /** The call of this ticket ended. */
  settle(ticket: number, nowMs: number, isFailed: boolean, durationMs: number): void;
  /** The call of this ticket was not made, or its end says nothing: its place is free again. */
  release(ticket: number): void;
  /** Milliseconds until it makes sense to try again; 0 when a call would be let through. */
  retryAfterMs(nowMs: number): number;
}

/**
 * A breaker with three states.
 *
 *     closed ── rule tripped ──▶ open ── retryTimeoutMs over, a call comes ──▶ half-open
 *        ▲                        ▲                                              │
 *        │                        └── a probe fails or does not answer ──────────┤
 *        └────────────── probeNum probes succeed ────────────────────────────────┘
 *
 * Calls that began before the last change of state count no more. It keeps no timers: what time brings about
 * is seen when the next call comes.
 */
export class StateBreaker implements Breaker {
  #rule: StateBreakerRule;
  #window: SlidingWindow;
  #state: BreakerState = 'closed';
  /** Tickets below this one are of an earlier state. */
  #firstTicket = 0;
  #nextTicket = 0;
  #openedAt = 0;
  /** When each running probe began, by ticket. */
  readonly #probes = new Map<number, number>();
  #succeeded = 0;
  readonly #transitions = new Transitions();

  constructor(rule: StateBreakerRule) {
    this.#rule = rule;
    this.#window = windowFor(rule);
  }

  get state(): BreakerState {
    return this.#state;
  }

  get rule(): StateBreakerRule {
    return this.#rule;
  }

  /** From now on by another rule. What was counted stays where both look back alike. */
  set rule(rule: StateBreakerRule) {
    this.#window = windowFor(rule, this.#window);
    this.#rule = rule;
  }

  /** Calls `listener` at every change of state from now on; what it returns ends that. */
  onTransition(listener: BreakerListener): () => void {
    return this.#transitions.add(listener);
  }

  enter(nowMs: number): number {
    if (this.#state === 'open' && this.retryAfterMs(nowMs) === 0) this.#change('half-open', nowMs);
    if (this.#state === 'closed') return this.#nextTicket++;
    return this.#state === 'half-open' ? this.#enterAsProbe(nowMs) : REFUSED;
  }

  /** Of a probe, and of what is slow, that says all: its end may be hours away. */
  begun(ticket: number, nowMs: number, durationMs: number): boolean {
    const saysAll = this.#probes.has(ticket) || this.#rule.strategy === 'slow-call-ratio';
    if (saysAll) this.settle(ticket, nowMs, false, durationMs);
    return saysAll;
  }

  settle(ticket: number, nowMs: number, isFailed: boolean, durationMs: number): void {
    if (ticket < this.#firstTicket) return;
    const isBadCall = isBad(this.#rule, isFailed, durationMs);
    if (this.#state === 'half-open') this.#settleProbe(ticket, nowMs, isBadCall);
    else if (this.#state === 'closed') {
      this.#window.add(nowMs, isFailed, this.#rule.strategy === 'slow-call-ratio' && isBadCall);
      if (isTripped(this.#rule, this.#window)) this.#change('open', nowMs);
    }
  }

  release(ticket: number): void {
    this.#probes.delete(ticket);
  }

  retryAfterMs(nowMs: number): number {
    const { retryTimeoutMs, probeTimeoutMs } = this.#rule;
    if (this.#state === 'open') return Math.max(0, this.#openedAt + retryTimeoutMs - nowMs);
    if (!this.#isFullOfProbes) return 0;
    // The probes decide, the oldest of them by its own time at the latest.
    const [oldest = nowMs] = this.#probes.values();
    return Math.max(1, Math.min(oldest + probeTimeoutMs - nowMs, retryTimeoutMs));
  }

  /** What the window holds now. */
  counts(nowMs: number): BreakerCounts {
    return countsOf(this.#window, nowMs);
  }

  /** Closed, with nothing counted. */
  reset(nowMs: number): void {
    this.#window.clear();
    this.#change('closed', nowMs);
  }

  #enterAsProbe(nowMs: number): number {
    const { probeNum } = this.#rule;
    // A rule of fewer probes may have come meanwhile.
    if (this.#succeeded >= probeNum) this.#change('closed', nowMs);
    else if (this.#hasLostProbe(nowMs)) this.#change('open', nowMs);
    if (this.#state === 'open' || this.#isFullOfProbes) return REFUSED;
    const ticket = this.#nextTicket++;
    if (this.#state === 'half-open') this.#probes.set(ticket, nowMs);
    return ticket;
  }

  get #isFullOfProbes(): boolean {
    return this.#state === 'half-open' && this.#probes.size + this.#succeeded >= this.#rule.probeNum;
  }

  #hasLostProbe(nowMs: number): boolean {
    for (const begin of this.#probes.values()) if (nowMs - begin >= this.#rule.probeTimeoutMs) return true;
    return false;
  }

  #settleProbe(ticket: number, nowMs: number, isBadCall: boolean): void {
    if (!this.#probes.delete(ticket)) return;
    if (isBadCall) return this.#change('open', nowMs);
    this.#succeeded += 1;
    if (this.#succeeded >= this.#rule.probeNum) this.#change('closed', nowMs);
  }

  #change(to: BreakerState, nowMs: number): void {
    const from = this.#state;
    this.#state = to;
    this.#firstTicket = this.#nextTicket;
    this.#probes.clear();
    this.#succeeded = 0;
    if (to === 'open') this.#openedAt = nowMs;
    if (to === 'closed') this.#window.clear();
    this.#transitions.tell(from, to);
  }
}
