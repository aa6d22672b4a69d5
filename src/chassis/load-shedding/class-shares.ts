/** A class loses calls to overload from this share of them on; fewer are chance. */
const TOLERATED = 0.02;
/** While a class loses calls, the share of the one below it is multiplied by this in each window … */
const DECREASE = 0.5;
/** … and below this it is nothing. */
const LEAST = 0.02;
/** While it loses none, the share rises by this. */
const INCREASE = 0.05;

/**
 * How much of each class may come as far as the rules: a class gives way while one above it loses calls, so
 * that what is sheddable goes first. Multiplicative decrease and additive increase keep it from swinging.
 */
export class ClassShares {
  readonly #shares: Float64Array;
  /** What each class has saved up: a call is let through for every whole one. No dice: a share holds exactly. */
  readonly #credits: Float64Array;

  constructor(private readonly classes: number) {
    this.#shares = new Float64Array(classes).fill(1);
    this.#credits = new Float64Array(classes);
  }

  /** From 0 to 1. */
  of(rank: number): number {
    return this.#shares[rank] ?? 1;
  }

  /** Whether this call of the class may go on. */
  admits(rank: number): boolean {
    const share = this.of(rank);
    if (share === 1) return true;
    const credit = (this.#credits[rank] ?? 0) + share;
    this.#credits[rank] = credit >= 1 ? credit - 1 : credit;
    return credit >= 1;
  }

  /** @param offered calls of each class in a window @param refused … and those that were refused */
  update(offered: Readonly<Float64Array>, refused: Readonly<Float64Array>): void {
    let offeredAbove = 0;
    let refusedAbove = 0;
    for (let rank = 0; rank < this.classes; rank++) {
      if (rank > 0) this.#shares[rank] = next(this.of(rank), refusedAbove, offeredAbove);
      offeredAbove += offered[rank] ?? 0;
      refusedAbove += refused[rank] ?? 0;
    }
  }
}

function next(share: number, refusedAbove: number, offeredAbove: number): number {
  if (refusedAbove === 0) return Math.min(1, share + INCREASE);
  if (refusedAbove <= offeredAbove * TOLERATED) return share;
  return share * DECREASE < LEAST ? 0 : share * DECREASE;
}
