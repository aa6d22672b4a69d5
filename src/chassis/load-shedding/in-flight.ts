/** A call that lasts longer is no work any more but a wait: an endless download, server-sent events. */
export const IN_FLIGHT_MAX_AGE_MS = 10_000;
const SLOT_MS = 1000;
const SLOTS = IN_FLIGHT_MAX_AGE_MS / SLOT_MS;

/**
 * Calls under way by class, those of the last ten seconds only: one that lasts leaves with the second in which
 * it began. A ring of seconds, so that a call costs an addition and needs no timer.
 */
export class InFlight {
  readonly #counts: Float64Array;
  readonly #slots: Float64Array;
  #total = 0;
  /** Number of the newest second since the clock's zero. */
  #newest = 0;

  constructor(private readonly classes: number) {
    this.#counts = new Float64Array(classes);
    this.#slots = new Float64Array(classes * SLOTS);
  }

  get total(): number {
    return this.#total;
  }

  of(rank: number): number {
    return this.#counts[rank] ?? 0;
  }

  begin(rank: number, nowMs: number): void {
    this.slideTo(nowMs);
    this.#add(this.#newest, rank, 1);
  }

  /** @returns whether it was still counted */
  end(rank: number, beganMs: number): boolean {
    const second = Math.floor(beganMs / SLOT_MS);
    if (second <= this.#newest - SLOTS) return false;
    this.#add(second, rank, -1);
    return true;
  }

  slideTo(nowMs: number): void {
    const second = Math.floor(nowMs / SLOT_MS);
    if (second <= this.#newest) return;
    for (let step = Math.max(this.#newest + 1, second - SLOTS + 1); step <= second; step++)
      for (let rank = 0; rank < this.classes; rank++)
        this.#add(step, rank, -(this.#slots[(step % SLOTS) * this.classes + rank] ?? 0));
    this.#newest = second;
  }

  #add(second: number, rank: number, count: number): void {
    const slot = (second % SLOTS) * this.classes + rank;
    this.#slots[slot] = (this.#slots[slot] ?? 0) + count;
    this.#counts[rank] = (this.#counts[rank] ?? 0) + count;
    this.#total += count;
  }
}
