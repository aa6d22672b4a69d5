/** The best of the last values: as many as it was made for. */
export class RecentBest {
  readonly #values: Float64Array;
  #newest = 0;
  #best: number;

  /** @param better picks one of two, as `Math.max` does @param none what is worse than every value */
  constructor(
    size: number,
    private readonly better: (a: number, b: number) => number,
    none: number,
  ) {
    this.#values = new Float64Array(size).fill(none);
    this.#best = none;
  }

  get best(): number {
    return this.#best;
  }

  /** Adds a value; the oldest one is forgotten. */
  add(value: number): void {
    this.#newest = (this.#newest + 1) % this.#values.length;
    this.#values[this.#newest] = value;
    this.#best = this.#values.reduce((a, b) => this.better(a, b));
  }

  /** Takes a value only if it is better than the newest one; forgets none. */
  improve(value: number): void {
    const newest = this.#values[this.#newest] ?? value;
    this.#values[this.#newest] = this.better(newest, value);
    this.#best = this.better(this.#best, value);
  }
}
