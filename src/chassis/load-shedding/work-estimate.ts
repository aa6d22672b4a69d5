import { RecentBest } from './recent-best.js';

/** Windows that are remembered: ten seconds of them. */
const WINDOWS = 100;
const WEIGHT = 0.3;

/** What is known of the work that calls make: how many can be done at best, how long one takes at best. */
export class WorkEstimate {
  /** Calls a millisecond. */
  readonly #throughput = new RecentBest(WINDOWS, Math.max, 0);
  /** Mean of a window, in milliseconds. */
  readonly #latency = new RecentBest(WINDOWS, Math.min, Infinity);
  #loopTimeMs = 0;

  /** Most calls that ended in a window of the last ten seconds, a second. */
  get bestThroughput(): number {
    return this.#throughput.best * 1000;
  }

  /** Lowest mean time of a call in such a window, in milliseconds; `Infinity` while nothing is known. */
  get lowestLatencyMs(): number {
    return this.#latency.best;
  }

  /** Time of the event loop that a call costs, in milliseconds: no more than it takes at best. */
  get costMs(): number {
    return Math.min(this.#loopTimeMs, this.lowestLatencyMs);
  }

  /**
   * Calls that may be under way so that none waits longer than `delayMs`: Little's law. Sources: BBR
   * (bandwidth × delay), as go-zero and Kratos use it for calls (maxPass × minRt).
   */
  limit(delayMs: number): number {
    if (this.lowestLatencyMs === Infinity) return Infinity;
    return this.#throughput.best * (this.lowestLatencyMs + delayMs);
  }

  /**
   * Adds a window in which `ended` calls took `latencyMs` all together. While the service is saturated every
   * call waits, too: then only a better latency is believed, and none is forgotten.
   */
  update(windowMs: number, activeMs: number, ended: number, latencyMs: number, isSaturated: boolean): void {
    this.#throughput.add(ended / windowMs);
    if (ended > 0) this.#loopTimeMs += WEIGHT * (activeMs / ended - this.#loopTimeMs);
    const mean = ended > 0 ? latencyMs / ended : Infinity;
    if (isSaturated) this.#latency.improve(mean);
    else this.#latency.add(mean);
  }
}
