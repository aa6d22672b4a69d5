import type { Limits } from '../context/index.js';

export interface HedgeOptions {
  /** Milliseconds after which one more attempt begins while none has ended. @default 100 */
  readonly delayMs: number;
  /** The first one included. @default 2 */
  readonly maxAttempts: number;
}

/** Starts one attempt; `abort` ends it because another was faster. */
export type StartAttempt<T> = (number: number) => {
  readonly result: Promise<T>;
  readonly abort: () => void;
};

/**
 * Asks again while the first answer is late, and takes what comes first. For what may be done twice, such as reads.
 * Fails with the last error when all attempts fail.
 * Source: Dean and Barroso, "The Tail at Scale", hedged requests.
 * @param mayBegin whether one more attempt is paid for
 * @param limits of who asked: once nobody waits any more, no further attempt begins
 */
export function hedged<T>(
  { delayMs, maxAttempts }: HedgeOptions,
  mayBegin: () => boolean,
  start: StartAttempt<T>,
  limits?: Limits,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const running = new Map<number, () => void>();
    let started = 0;
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      for (const abort of running.values()) abort();
    };
    const begin = (): void => {
      const number = ++started;
      const { result, abort } = start(number);
      running.set(number, abort);
      if (started < maxAttempts) timer = setTimeout(beginAnother, delayMs);
      result.then(
        (value) => {
          running.delete(number);
          settle();
          resolve(value);
        },
        (error: unknown) => {
          running.delete(number);
          if (running.size > 0) return;
          settle();
          reject(error);
        },
      );
    };
    const beginAnother = (): void => {
      if (!limits?.abortReason && mayBegin()) begin();
    };
    begin();
  });
}
