import { MAX_TIMER_MS } from '../context/index.js';
import { deadlineExceeded } from '../errors/index.js';
import { Attempt, type Work } from './attempt.js';
import { timedOut } from './failures.js';

/**
 * Runs the work as an attempt of at most `timeoutMs` milliseconds, and no longer than who asked for it waits.
 * Then it is aborted, and the promise fails even where the work does not listen.
 * @throws {ServiceError} TIMEOUT, or DEADLINE_EXCEEDED when it was the caller's time that ran out
 */
export function runWithTimeout<T>(
  name: string,
  attempt: Attempt,
  timeoutMs: number,
  work: Work<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const limitMs = attempt.limitTo(timeoutMs);
    const expire = (): void => {
      const error = limitMs < timeoutMs ? deadlineExceeded() : timedOut(name, timeoutMs);
      attempt.abort(error);
      reject(error);
    };
    const limit = limitMs > MAX_TIMER_MS ? undefined : setTimeout(expire, limitMs);
    const end = (): void => {
      clearTimeout(limit);
      attempt.end();
    };
    try {
      Promise.resolve(attempt.start(work)).then(
        (result) => {
          end();
          resolve(result);
        },
        (error: unknown) => {
          end();
          reject(error);
        },
      );
    } catch (error) {
      end();
      reject(error);
    }
  });
}
