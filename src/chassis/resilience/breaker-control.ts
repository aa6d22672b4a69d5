import { AdaptiveBreaker } from './adaptive-breaker.js';
import {
  StateBreaker,
  REFUSED,
  type Breaker,
  type BreakerCounts,
  type BreakerListener,
  type BreakerState,
} from './state-breaker.js';
import type { BreakerRule } from './complete-options.js';

/** A state in which an operator holds a breaker. */
export type ForcedState = 'open' | 'closed';

/** What a breaker is and has seen, for `GET /circuit-breakers`. */
export interface BreakerDescription {
  readonly state: BreakerState;
  readonly forced: ForcedState | null;
  readonly rule: BreakerRule;
  readonly counts: BreakerCounts;
  readonly lastTransition: {
    readonly from: BreakerState;
    readonly to: BreakerState;
    readonly at: string;
  } | null;
}

/**
 * The breaker of one policy, as operators and configuration change it. Held open or closed, the breaker itself
 * stands aside and counts nothing; let go, it goes on from where it was.
 */
export class BreakerControl {
  #breaker: StateBreaker | AdaptiveBreaker;
  #forced: ForcedState | undefined;
  #lastTransition: BreakerDescription['lastTransition'] = null;

  constructor(
    rule: BreakerRule,
    private readonly onTransition: BreakerListener,
  ) {
    this.#breaker = this.#make(rule);
  }

  /** The one that calls have to ask now. */
  get active(): Breaker {
    const { rule } = this.#breaker;
    const retryAfterMs = rule.strategy === 'adaptive' ? rule.forcePassMs : rule.retryTimeoutMs;
    return this.#forced ? new ForcedBreaker(this.#forced, retryAfterMs) : this.#breaker;
  }

  get state(): BreakerState {
    return this.#forced ?? this.#breaker.state;
  }

  get rule(): BreakerRule {
    return this.#breaker.rule;
  }

  /** What was counted stays unless the strategy is of the other family, or the window another. */
  set rule(rule: BreakerRule) {
    const breaker = this.#breaker;
    if (breaker instanceof AdaptiveBreaker && rule.strategy === 'adaptive') breaker.rule = rule;
    else if (breaker instanceof StateBreaker && rule.strategy !== 'adaptive') breaker.rule = rule;
    else {
      const from = this.state;
      this.#breaker = this.#make(rule);
      this.#tell(from, this.state);
    }
  }

  get forced(): ForcedState | undefined {
    return this.#forced;
  }

  /** Holds it in a state, or lets it go. */
  set forced(forced: ForcedState | undefined) {
    const from = this.state;
    this.#forced = forced;
    this.#tell(from, this.state);
  }

  /** Closed, with nothing counted; not held any more. */
  reset(nowMs: number): void {
    this.forced = undefined;
    this.#breaker.reset(nowMs);
  }

  describe(nowMs: number): BreakerDescription {
    return {
      state: this.state,
      forced: this.#forced ?? null,
      rule: this.rule,
      counts: this.#breaker.counts(nowMs),
      lastTransition: this.#lastTransition,
    };
  }

  #make(rule: BreakerRule): StateBreaker | AdaptiveBreaker {
    const breaker = rule.strategy === 'adaptive' ? new AdaptiveBreaker(rule) : new StateBreaker(rule);
    breaker.onTransition((from, to) => {
      // Calls that began before it was held, or replaced, still end with it.
      if (this.#forced === undefined && breaker === this.#breaker) this.#tell(from, to);
    });
    return breaker;
  }

  #tell(from: BreakerState, to: BreakerState): void {
    if (from === to) return;
    this.#lastTransition = { from, to, at: new Date().toISOString() };
    this.onTransition(from, to);
  }
}

/** Lets every call through, or none. */
class ForcedBreaker implements Breaker {
  constructor(
    readonly state: ForcedState,
    private readonly askAgainMs: number,
  ) {}

  enter(): number {
    return this.state === 'open' ? REFUSED : 0;
  }

  begun(): boolean {
    return false;
  }

  settle(): void {
    // Nothing is counted.
  }

  release(): void {
    // Nothing is held.
  }

  retryAfterMs(): number {
    return this.state === 'open' ? this.askAgainMs : 0;
  }
}
