import type { Limits } from '../context/index.js';

export interface BulkheadOptions {
  /** Calls that run at a time. @default 100 */
  readonly maxConcurrent: number;
  /** Calls that wait for a place; more are refused at once. @default 0 */
  readonly maxQueued: number;
  /** Milliseconds that a call waits for a place. @default 1000 */
  readonly maxWaitMs: number;
}

/** A caller that waits for a place. */
interface Waiting {
  readonly admit: (isAdmitted: boolean) => void;
  readonly limit: NodeJS.Timeout;
}

/** Bounds how many calls of one kind run at a time, so that a slow dependency does not hold all of the service. */
export class ConcurrencyLimit {
  #options: BulkheadOptions;
  #running = 0;
  readonly #queue: Waiting[] = [];

  constructor(options: BulkheadOptions) {
    this.#options = options;
  }

  /** From now on within other bounds: who waits and has a place then, begins. */
  set options(options: BulkheadOptions) {
    this.#options = options;
    this.#fill();
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Whether there is a place: at once where it is known, else a promise. Who gets one leaves by `leave`.
   * @param limits of who waits: it gives up with them
   */
  enter(limits?: Limits): boolean | Promise<boolean> {
    const { maxConcurrent, maxQueued, maxWaitMs } = this.#options;
    if (this.#running < maxConcurrent) {
      this.#running += 1;
      return true;
    }
    if (this.#queue.length >= maxQueued || limits?.abortReason) return false;
    return this.#wait(Math.min(limits?.remainingMs ?? Infinity, maxWaitMs), limits?.signal);
  }

  /** A call that had a place ended: the one that waits longest gets it. */
  leave(): void {
    this.#running -= 1;
    this.#fill();
  }

  #fill(): void {
    while (this.#running < this.#options.maxConcurrent) {
      const next = this.#queue.shift();
      if (!next) return;
      this.#running += 1;
      next.admit(true);
    }
  }

  #wait(limitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        waiting.admit(false);
      };
      const waiting: Waiting = {
        limit: setTimeout(giveUp, limitMs),
        admit: (isAdmitted) => {
          clearTimeout(waiting.limit);
          signal?.removeEventListener('abort', giveUp);
          resolve(isAdmitted);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#queue.push(waiting);
    });
  }
}
