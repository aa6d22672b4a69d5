import type { Call } from './call-observers.js';

/**
 * The calls that have not ended, of both transports, oldest first. They are linked through themselves:
 * to come and to go costs a call four assignments, and no table has to grow and shrink with the load.
 */
export class OpenCalls implements Iterable<Call> {
  #first: Call | undefined;
  #last: Call | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(call: Call): void {
    call.previousOpen = this.#last;
    if (this.#last) this.#last.nextOpen = call;
    else this.#first = call;
    this.#last = call;
    this.#size += 1;
  }

  /** The call must be one of these. */
  delete(call: Call): void {
    const { previousOpen, nextOpen } = call;
    if (previousOpen) previousOpen.nextOpen = nextOpen;
    else this.#first = nextOpen;
    if (nextOpen) nextOpen.previousOpen = previousOpen;
    else this.#last = previousOpen;
    call.previousOpen = undefined;
    call.nextOpen = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Iterator<Call> {
    let call = this.#first;
    while (call) {
      // Whoever looks at a call may end it.
      const next: Call | undefined = call.nextOpen;
      yield call;
      call = next;
    }
  }
}
