/** What a window counts of each call. */
const FIELDS = 3;
const TOTAL = 0;
const FAILED = 1;
const FLAGGED = 2;

/** How far a rule looks back. */
interface Span {
  readonly statIntervalMs: number;
  readonly statBuckets: number;
}

/** The window for a rule: the one that is there, where it looks back alike, so that what was counted stays. */
export function windowFor({ statIntervalMs, statBuckets }: Span, current?: SlidingWindow): SlidingWindow {
  if (current?.spanMs === statIntervalMs && current.buckets === statBuckets) return current;
  return new SlidingWindow(statIntervalMs, statBuckets);
}

/** What a window holds at that time. */
export function countsOf(window: SlidingWindow, nowMs: number) {
  window.slideTo(nowMs);
  const { total, failed, flagged } = window;
  return { total, failed, flagged };
}

/**
 * Counts of the calls of the last `spanMs` milliseconds, in `buckets` equal parts. As time goes on the oldest
 * part leaves, so the window slides by `spanMs / buckets` and never starts from nothing.
 */
export class SlidingWindow {
  readonly #bucketMs: number;
  readonly #counts: Float64Array;
  readonly #sums = new Float64Array(FIELDS);
  /** Number of the newest part since the clock's zero. */
  #newest = 0;

  /** @param spanMs milliseconds, more than 0 @param buckets parts, 1 or more */
  constructor(
    readonly spanMs: number,
    readonly buckets: number,
  ) {
    this.#bucketMs = spanMs / buckets;
    this.#counts = new Float64Array(buckets * FIELDS);
  }

  /** Calls that ended, as of the last `slideTo`; so are the other counts. */
  get total(): number {
    return this.#sums[TOTAL] ?? 0;
  }

  get failed(): number {
    return this.#sums[FAILED] ?? 0;
  }

  /** Whatever else its owner counts, such as slow calls. */
  get flagged(): number {
    return this.#sums[FLAGGED] ?? 0;
  }

  /**
   * Parts, from the newest back to the first with a failed call, in which calls succeeded; a flagged call is
   * neither failed nor a success.
   */
  get flawlessParts(): number {
    let flawless = 0;
    for (let part = this.#newest; part > this.#newest - this.buckets; part--) {
      const start = (part % this.buckets) * FIELDS;
      const total = this.#counts[start + TOTAL] ?? 0;
      if ((this.#counts[start + FAILED] ?? 0) > 0) break;
      if (total > (this.#counts[start + FLAGGED] ?? 0)) flawless += 1;
    }
    return flawless;
  }

  /** Lets go of what is too old. Time that goes back is taken for no time. */
  slideTo(nowMs: number): void {
    const part = Math.floor(nowMs / this.#bucketMs);
    const steps = Math.min(part - this.#newest, this.buckets);
    for (let step = 1; step <= steps; step++) this.#empty(part - steps + step);
    if (steps > 0) this.#newest = part;
  }

  /** Counts a call that ended now. */
  add(nowMs: number, isFailed: boolean, isFlagged: boolean): void {
    this.slideTo(nowMs);
    const start = (this.#newest % this.buckets) * FIELDS;
    this.#count(start + TOTAL, TOTAL);
    if (isFailed) this.#count(start + FAILED, FAILED);
    if (isFlagged) this.#count(start + FLAGGED, FLAGGED);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
  }

  #count(index: number, field: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sums[field] = (this.#sums[field] ?? 0) + 1;
  }

  #empty(part: number): void {
    const start = (part % this.buckets) * FIELDS;
    for (let field = 0; field < FIELDS; field++) {
      this.#sums[field] = (this.#sums[field] ?? 0) - (this.#counts[start + field] ?? 0);
      this.#counts[start + field] = 0;
    }
  }
}
