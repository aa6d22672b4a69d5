import { MAX_TIMER_MS, type CallContext } from './call-context.js';

/**
 * Calls that may take equally long, oldest first, linked through themselves. One timer watches over all of
 * them: a timer for each, that hardly ever fires, is the dearest thing that most calls would make.
 */
export class ExpiryQueue {
  #first: CallContext | undefined;
  #last: CallContext | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** From a call's beginning, in milliseconds. */
    readonly timeoutMs: number,
    /** What a call is aborted with. */
    private readonly reason: () => Error,
  ) {}

  /** A call begins. */
  add(call: CallContext): void {
    call.expiry = this;
    call.previousExpiring = this.#last;
    if (this.#last) this.#last.nextExpiring = call;
    else this.#first = call;
    this.#last = call;
    // One that is set is due earlier, or finds out that nothing is.
    if (this.#timer === undefined) this.#wakeAfter(this.timeoutMs);
  }

  /** A call that was added has ended. */
  delete(call: CallContext): void {
    const { previousExpiring, nextExpiring } = call;
    if (previousExpiring) previousExpiring.nextExpiring = nextExpiring;
    else this.#first = nextExpiring;
    if (nextExpiring) nextExpiring.previousExpiring = previousExpiring;
    else this.#last = previousExpiring;
    call.expiry = undefined;
    call.previousExpiring = undefined;
    call.nextExpiring = undefined;
  }

  #wakeAfter(waitMs: number): void {
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.ceil(waitMs), MAX_TIMER_MS)).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    for (let call = this.#first; call; call = this.#first) {
      const waitMs = call.startedAt + this.timeoutMs - performance.now();
      if (waitMs > 0) {
        this.#wakeAfter(waitMs);
        return;
      }
      this.delete(call);
      call.abort(this.reason());
    }
  }
}
