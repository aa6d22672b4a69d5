import { ServiceError } from '../errors/index.js';

/** What one subscriber may fall behind before it is told that it is too slow. */
const DEFAULT_CAPACITY = 1000;

/** One publisher, many subscribers, each with its own bounded queue: nobody waits for the slowest. */
export class Broadcast<T> {
  readonly #subscriptions = new Set<Subscription<T>>();

  /** True when nobody would receive what is published. */
  get isIdle(): boolean {
    return this.#subscriptions.size === 0;
  }

  /**
   * Everything published from this very moment on, until `signal` aborts (the iteration then throws its
   * reason), the loop is left, or `fail` is called.
   * @param capacity values a subscriber may fall behind; @default 1000. Beyond: RESOURCE_EXHAUSTED / SUBSCRIBER_TOO_SLOW.
   */
  subscribe(signal?: AbortSignal, capacity = DEFAULT_CAPACITY): AsyncIterableIterator<T> {
    return new Subscription<T>(this.#subscriptions, capacity, signal);
  }

  publish(value: T): void {
    for (const subscription of this.#subscriptions) subscription.push(value);
  }

  /** Ends every subscription with `error`, after what it has not yet read. */
  fail(error: Error): void {
    for (const subscription of this.#subscriptions) subscription.end(error);
  }
}

class Subscription<T> implements AsyncIterableIterator<T> {
  #queue: T[] = [];
  #error: unknown;
  #isEnded = false;
  #waiting: PromiseWithResolvers<IteratorResult<T>> | undefined;
  readonly #onAbort = (): void => this.#abort();

  constructor(
    private readonly siblings: Set<Subscription<T>>,
    private readonly capacity: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    siblings.add(this);
    signal?.addEventListener('abort', this.#onAbort);
    if (signal?.aborted) this.#abort();
  }

  push(value: T): void {
    if (this.#waiting) this.#settle({ done: false, value });
    else if (this.#queue.length < this.capacity) this.#queue.push(value);
    else this.end(tooSlow(this.capacity));
  }

  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    this.siblings.delete(this);
    this.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#waiting) this.#settle();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#queue.length > 0) return Promise.resolve({ done: false, value: this.#queue.shift() as T });
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    if (this.#isEnded) this.#settle();
    return promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#queue = [];
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #abort(): void {
    this.#queue = [];
    this.end(this.signal?.reason);
  }

  /** Answers the waiting `next` with `result`, or with how the subscription ended. An error is told once. */
  #settle(result?: IteratorResult<T>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!result && this.#error !== undefined) waiting?.reject(this.#error);
    else waiting?.resolve(result ?? { done: true, value: undefined });
    if (!result) this.#error = undefined;
  }
}

function tooSlow(capacity: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'SUBSCRIBER_TOO_SLOW',
    message: `The subscriber fell more than ${capacity} messages behind; read faster, then subscribe again`,
    retryAfterMs: 1000,
  });
}
