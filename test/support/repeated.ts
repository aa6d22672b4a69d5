import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/**
 * A call made again and again without a pause, from now until `stop`, at the latest until the test has finished.
 *
 * A failure is followed by a pause, and what failed is told: calls on a client that was closed fail at once, and
 * a loop of them would leave no turn to anything else.
 */
export class Repeated {
  /** Calls that succeeded. */
  count = 0;
  readonly failures: unknown[] = [];
  readonly #end = new AbortController();
  readonly #loops: Promise<void>[];

  /** @param width calls at a time */
  constructor(call: () => Promise<unknown>, width = 1) {
    this.#loops = Array.from({ length: width }, () => this.#repeat(call));
    onTestFinished(() => this.#end.abort());
  }

  /** Resolves, once every call under way has ended, with what failed. */
  async stop(): Promise<readonly unknown[]> {
    this.#end.abort();
    await Promise.all(this.#loops);
    return this.failures;
  }

  async #repeat(call: () => Promise<unknown>): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        await call();
        this.count += 1;
      } catch (error) {
        this.failures.push(error);
        await sleep(1);
      }
    }
  }
}
