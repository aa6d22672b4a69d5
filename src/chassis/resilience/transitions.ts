import type { BreakerListener, BreakerState } from './state-breaker.js';

/** Who is told of a breaker's changes of state. */
export class Transitions {
  readonly #listeners = new Set<BreakerListener>();

  /** Calls `listener` at every change of state from now on; what it returns ends that. */
  add(listener: BreakerListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(from: BreakerState, to: BreakerState): void {
    if (from !== to) for (const listener of this.#listeners) listener(from, to);
  }
}
