import { Observable, type Subscriber, type Subscription } from 'rxjs';
import { callCancelled } from '../errors/index.js';
import { leaveMessages } from '../streams/index.js';
import type { Attempt } from './attempt.js';

/**
 * Subscribes as an attempt; resolves with the same messages when the first has come, or at once where nobody
 * needs to know whether there is one. The attempt goes on until they end, are left, or their call does.
 * @throws what the source fails with before its first message
 */
export function openObservable<T>(
  source: Observable<T>,
  attempt: Attempt,
  waitsForFirst: boolean,
): Promise<Observable<T>> {
  const opened = new OpenedObservable<T>(attempt);
  opened.subscribeTo(source, waitsForFirst);
  return opened.first;
}

/** Keeps what comes before its receiver does. */
class OpenedObservable<T> {
  readonly #first = Promise.withResolvers<Observable<T>>();
  readonly #rest = Promise.withResolvers<void>();
  #early: T[] = [];
  #receiver: Subscriber<T> | undefined;
  #end: ((receiver: Subscriber<T>) => void) | undefined;
  #subscription: Subscription | undefined;
  #isOpen = false;

  constructor(private readonly attempt: Attempt) {}

  get first(): Promise<Observable<T>> {
    return this.#first.promise;
  }

  subscribeTo(source: Observable<T>, waitsForFirst: boolean): void {
    const { signal } = this.attempt;
    const onAbort = (): void => this.#leave(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const forget = (): void => signal.removeEventListener('abort', onAbort);
    this.#rest.promise.then(forget, forget);
    this.#subscription = source.subscribe({
      next: (message) => this.#next(message),
      error: (error: unknown) => this.#fail(error),
      complete: () => this.#complete(),
    });
    if (signal.aborted) onAbort();
    else if (!waitsForFirst) this.#open();
  }

  #next(message: T): void {
    if (this.#receiver) this.#receiver.next(message);
    else this.#early.push(message);
    this.#open();
    this.attempt.begun();
  }

  #complete(): void {
    this.#open();
    this.#rest.resolve();
    this.#finish((receiver) => receiver.complete());
  }

  #fail(error: unknown): void {
    if (!this.#isOpen) this.#first.reject(error);
    this.#rest.reject(error);
    this.#finish((receiver) => receiver.error(error));
  }

  #finish(end: (receiver: Subscriber<T>) => void): void {
    this.#end = end;
    if (this.#receiver) end(this.#receiver);
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.attempt.goOn(this.#rest.promise, false);
    this.#first.resolve(new Observable((receiver) => this.#receive(receiver)));
  }

  #receive(receiver: Subscriber<T>): () => void {
    this.#receiver = receiver;
    for (const message of this.#early) receiver.next(message);
    this.#early = [];
    this.#end?.(receiver);
    return () => this.#leave(callCancelled());
  }

  /** After the end it does nothing. */
  #leave(reason: Error): void {
    this.#first.reject(reason);
    this.#rest.reject(reason);
    if (this.#subscription) leaveMessages(this.#subscription);
  }
}
