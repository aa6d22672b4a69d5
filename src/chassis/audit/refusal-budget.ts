const SECOND_MS = 1000;

/**
 * Bounds the entries of refused calls: whoever may not call could fill the disk otherwise. What goes beyond
 * is counted and told when its second is over.
 */
export class RefusalBudget {
  #spent = 0;
  #omitted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly perSecond: number,
    private readonly onOmitted: (count: number) => void,
  ) {}

  /** False when this one gets no entry. */
  spend(): boolean {
    this.#timer ??= setTimeout(() => this.close(), SECOND_MS).unref();
    if (this.#spent < this.perSecond) {
      this.#spent += 1;
      return true;
    }
    this.#omitted += 1;
    return false;
  }

  /** Ends the second; tells what was left out. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const omitted = this.#omitted;
    this.#spent = 0;
    this.#omitted = 0;
    if (omitted > 0) this.onOmitted(omitted);
  }
}
