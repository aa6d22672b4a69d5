import { ServiceError } from '../errors/index.js';

/** Waits that callers are told, in turn: spread, so that they do not come back all at once. */
const WAITS = 8;
/** The longest is this much longer than the shortest. */
const SPREAD = 2;

/** What refused callers are told. Made once: under overload every microsecond of a refusal is taken from a call. */
export class OverloadErrors {
  readonly #errors: readonly ServiceError[];
  #next = 0;

  /** @param retryAfterMs the shortest wait */
  constructor(retryAfterMs: number) {
    this.#errors = Array.from({ length: WAITS }, (_, index) =>
      overloaded(Math.round(retryAfterMs * (1 + (SPREAD * index) / (WAITS - 1)))),
    );
  }

  next(): ServiceError {
    this.#next = (this.#next + 1) % WAITS;
    return this.#errors[this.#next] as ServiceError;
  }
}

function overloaded(retryAfterMs: number): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'OVERLOADED',
    message: `More calls come than can be done; this one was not begun. Try again in ${retryAfterMs} ms`,
    retryAfterMs,
  });
}
