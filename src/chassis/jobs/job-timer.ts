import { MAX_TIMER_MS } from '../context/index.js';
import { MEMORY_MS } from './job-lock.js';
import type { Schedule } from './schedule.js';

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
    const dueAt = this.#dueAfter(Date.now());
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

  /** Planned with a clock that ran far ahead, it would stand still until that time has come. */
  #dueAfter(now: number): number | undefined {
    const isFar = this.#nextAt !== undefined && this.#nextAt - now > MEMORY_MS;
    return isFar ? (this.#nextAt = this.schedule.next(now)) : this.#nextAt;
  }
}
