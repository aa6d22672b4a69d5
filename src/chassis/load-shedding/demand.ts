/** Weight of the newest window: what was three times too much is forgotten within half a second. */
const WEIGHT = 0.3;

/**
 * What the calls ask for, as a share of what there is: 1 = exactly all, 3 = three times as much.
 *
 *     demand = utilization × offered ÷ admitted
 *
 * What is refused counts as if it had been done, so that refusing does not make an overload look like its end.
 */
export class Demand {
  #loop = 0;
  #excess = 1;

  /** On the event loop. */
  get loop(): number {
    return this.#loop;
  }

  /** Calls that came for each one that was admitted, 1 or more. */
  get excess(): number {
    return this.#excess;
  }

  /** The loop has just been found saturated. */
  saturate(): void {
    this.#loop = Math.max(1, this.#loop);
  }

  /** @param utilization of the event loop in a window, 0 to 1 */
  update(utilization: number, offered: number, refused: number): void {
    const excess = offered / Math.max(1, offered - refused);
    this.#excess += WEIGHT * (Math.max(1, excess) - this.#excess);
    this.#loop += WEIGHT * (utilization * Math.max(1, excess) - this.#loop);
  }
}
