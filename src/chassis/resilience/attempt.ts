import { currentLimits, currentScope, runInScope, Scope, type Limits } from '../context/index.js';

/** Work that may be tried: what it returns is waited for. */
export type Work<T> = (attempt: Attempt) => T | PromiseLike<T>;

/** The number of what holds all attempts together. */
export const ALL_ATTEMPTS = 0;

/**
 * One try of some work within the limits of whoever asked for it. Code inside sees it as `currentLimits()`, so
 * that queries and outgoing calls stop with it.
 */
export class Attempt implements Limits {
  readonly #outer = currentLimits();
  #ownDeadline = Infinity;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #onOuterAbort: (() => void) | undefined;
  /** Streams that were opened within it and go on. */
  #openStreams = 0;
  #isOver = false;
  #hasBegun = false;
  #onBegun: (() => void) | undefined;

  /** The end of what goes on after the work has returned: a stream that was opened. */
  rest: Promise<void> | undefined;

  /** @param number 1 for the first */
  constructor(readonly number: number) {}

  get deadline(): number {
    return Math.min(this.#ownDeadline, this.#outer?.deadline ?? Infinity);
  }

  /**
   * From now on it has `timeoutMs` of its own; the limits of whoever asked hold beside them.
   * @returns milliseconds that it may take: `timeoutMs`, or less where who asked has less left
   */
  limitTo(timeoutMs: number): number {
    const now = Date.now();
    const leftMs = Math.max(0, this.deadline - now);
    if (leftMs < timeoutMs) return leftMs;
    this.#ownDeadline = now + timeoutMs;
    return timeoutMs;
  }

  get remainingMs(): number {
    const { deadline } = this;
    return deadline === Infinity ? Infinity : Math.max(0, deadline - Date.now());
  }

  get abortReason(): Error | undefined {
    return this.#abortReason ?? this.#outer?.abortReason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      const reason = this.abortReason;
      if (reason) this.#controller.abort(reason);
      else this.#followOuter(this.#controller);
    }
    return this.#controller.signal;
  }

  /** Runs the work as this attempt. @throws what the work throws */
  start<T>(work: Work<T>): T | PromiseLike<T> {
    const scope = currentScope() ?? new Scope(undefined, undefined);
    return runInScope(scope.withAttempt(this), () => work(this));
  }

  /** As `start`, always by a promise. */
  run<T>(work: Work<T>): Promise<T> {
    try {
      return Promise.resolve(this.start(work));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The work goes on as a stream: its time is that of whoever asked for it from now on. Attempts around it, which may
   * be over before the stream is, go on to hand their caller's end to it.
   * @param hasBegun its first message is there; else `begun` tells when it is
   */
  goOn(rest: Promise<void>, hasBegun = true): void {
    this.rest = rest;
    this.#ownDeadline = Infinity;
    this.#keepOpenFor(rest);
    if (hasBegun) this.begun();
  }

  /** The first message of the stream is there. Only the first time counts. */
  begun(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#onBegun?.();
  }

  /** At once where it has begun already. */
  whenBegun(react: () => void): void {
    if (this.#hasBegun) react();
    else this.#onBegun = react;
  }

  /** Its result is no longer wanted. Only the first reason counts. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
    this.#unfollowOuter();
  }

  /** Its work is over: it listens to nobody any more, but for the streams that go on. */
  end(): void {
    this.#isOver = true;
    // They had to begin within its time, not to end.
    if (this.#openStreams > 0) this.#ownDeadline = Infinity;
    else this.#unfollowOuter();
  }

  #keepOpenFor(rest: Promise<void>): void {
    this.#openStreams += 1;
    const end = (): void => {
      this.#openStreams -= 1;
      if (this.#isOver) this.end();
    };
    rest.then(end, end);
    if (this.#outer instanceof Attempt) this.#outer.#keepOpenFor(rest);
  }

  #followOuter(controller: AbortController): void {
    const outer = this.#outer?.signal;
    if (!outer) return;
    const follow = (): void => controller.abort(outer.reason);
    outer.addEventListener('abort', follow, { once: true });
    this.#onOuterAbort = follow;
  }

  #unfollowOuter(): void {
    if (this.#onOuterAbort) this.#outer?.signal.removeEventListener('abort', this.#onOuterAbort);
  }
}
