import type { Schedule } from './schedule.js';

/** `setTimeout` cannot wait longer: 2³¹ − 1 milliseconds, 24.8 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Tells when a job is due. What was due while nothing ran is not made up. */
export class JobTimer {
  #timer: NodeJS.Timeout | undefined;
  #nextAt: number | undefined;

  constructor(
    private readonly schedule: Schedule,
    /** Gets the time that was due, in epoch milliseconds. */
    private readonly onDue: (dueAt: number) => void,
  ) {}

  /** Epoch milliseconds at which the job is due; `undefined` while the timer stands still. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  start(): void {
    if (this.#nextAt === undefined) this.#plan(Date.now());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#nextAt = undefined;
  }

  #plan(after: number): void {
    this.#nextAt = this.schedule.next(after);
    this.#wait();
  }

  #wait(): void {
    const dueAt = this.#nextAt;
    if (dueAt === undefined) return;
    const leftMs = dueAt - Date.now();
    if (leftMs > 0) {
      this.#timer = setTimeout(() => this.#wait(), Math.min(leftMs, MAX_TIMER_MS)).unref();
      return;
    }
    // A clock that was set back must not find the same time again.
    this.#plan(Math.max(dueAt, Date.now()));
    this.onDue(dueAt);
  }
}
