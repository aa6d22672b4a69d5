/** How far back a crash counts, in milliseconds. */
const WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;
const MIN_CRASHES = 5;

/**
 * How long a crashed worker's replacement waits, and when it is no use any more: after more crashes
 * within a minute than two of each worker, and five.
 */
export class CrashBudget {
  #crashes: number[] = [];

  /** Notes a crash. Returns how long to wait in milliseconds, `undefined` when it has become a loop. */
  spend(workers: number, now: number): number | undefined {
    this.#crashes = [...this.#crashes.filter((at) => now - at < WINDOW_MS), now];
    const count = this.#crashes.length;
    if (count > Math.max(MIN_CRASHES, 2 * workers)) return undefined;
    return Math.min(FIRST_DELAY_MS * 2 ** (count - 1), MAX_DELAY_MS);
  }
}
