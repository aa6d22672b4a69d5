import { callCancelled } from '../errors/index.js';
import { leaveIteration } from '../streams/index.js';
import type { Attempt } from './attempt.js';

/**
 * Begins an iteration as an attempt: its first message is here, or asked for later where nobody needs to know
 * whether there is one. The attempt goes on until the iteration ends, is left, or its call does.
 * @throws what the source throws before its first message
 */
export async function openIterable<T>(
  source: AsyncIterable<T>,
  attempt: Attempt,
  waitsForFirst: boolean,
): Promise<AsyncIterableIterator<T>> {
  const iterator = source[Symbol.asyncIterator]();
  const first = waitsForFirst ? await iterator.next() : undefined;
  if (attempt.abortReason) {
    void leaveIteration(iterator);
    throw attempt.abortReason;
  }
  return new OpenedIterable(iterator, first, attempt);
}

/** The same messages; tells the attempt how they end. */
class OpenedIterable<T> implements AsyncIterableIterator<T> {
  readonly #rest = Promise.withResolvers<void>();
  #first: IteratorResult<T, unknown> | undefined;

  constructor(
    private readonly iterator: AsyncIterator<T, unknown>,
    first: IteratorResult<T, unknown> | undefined,
    private readonly attempt: Attempt,
  ) {
    this.#first = first;
    attempt.goOn(this.#rest.promise, first !== undefined);
    if (first?.done) this.#rest.resolve();
    const { signal } = attempt;
    const onAbort = (): void => this.#rest.reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const forget = (): void => signal.removeEventListener('abort', onAbort);
    this.#rest.promise.then(forget, forget);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, unknown>> {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    try {
      const next = await this.iterator.next();
      if (next.done) this.#rest.resolve();
      else this.attempt.begun();
      return next;
    } catch (error) {
      this.#rest.reject(error);
      throw error;
    }
  }

  async return(value?: unknown): Promise<IteratorResult<T, unknown>> {
    this.#first = undefined;
    this.#rest.reject(callCancelled());
    await this.iterator.return?.();
    return { done: true, value };
  }
}
