import { performance } from 'node:perf_hooks';

/** A timer is due this often, in milliseconds; how late it comes is the lag. */
const TICK_MS = 50;
/** The worst lag of so long is judged together, in milliseconds; of less when `forMs` is short. */
const WINDOW_MS = 1000;

export interface EventLoopLagLimits {
  /** A timer that comes later than this is too late, in milliseconds. */
  readonly lagMs: number;
  /** The loop is too slow when each window for so long had such a lag, in milliseconds. */
  readonly forMs: number;
}

/**
 * Finds an event loop that goes on, but slowly, turn after turn. One long turn is none, and a loop that is
 * blocked for good cannot tell: there the probe's own time limit does. A timer of ours rather than
 * `monitorEventLoopDelay`: with the loop late at every turn, its `reset` forgets the very delays that count.
 */
export class EventLoopLag {
  readonly #windowMs: number;
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #windowBegin = 0;
  #worstOfWindowMs = 0;
  #slowSince: number | undefined;
  #isTooSlow = false;
  #worstMs = 0;

  constructor(private readonly limits: EventLoopLagLimits) {
    this.#windowMs = Math.min(WINDOW_MS, limits.forMs / 4);
  }

  get isTooSlow(): boolean {
    return this.#isTooSlow;
  }

  /** The worst lag of the last window, in milliseconds. */
  get worstMs(): number {
    return Math.round(this.#worstMs);
  }

  start(): void {
    this.#tickedAt = performance.now();
    this.#windowBegin = this.#tickedAt;
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(now: number): void {
    this.#worstOfWindowMs = Math.max(this.#worstOfWindowMs, now - this.#tickedAt - TICK_MS);
    this.#tickedAt = now;
    if (now - this.#windowBegin >= this.#windowMs) this.#judge(now);
  }

  #judge(now: number): void {
    this.#worstMs = this.#worstOfWindowMs;
    this.#worstOfWindowMs = 0;
    this.#windowBegin = now;
    if (this.#worstMs <= this.limits.lagMs) this.#slowSince = undefined;
    else this.#slowSince ??= now;
    this.#isTooSlow = this.#slowSince !== undefined && now - this.#slowSince >= this.limits.forMs;
  }
}
