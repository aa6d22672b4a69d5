import { currentCall, currentLimits, MAX_TIMER_MS, REQUEST_ID_HEADER } from '../context/index.js';
import { deadlineExceeded } from '../errors/index.js';
import { upstreamTimeout } from './upstream-failures.js';

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * What an outgoing call takes along from the call, and from the attempt, that it is made in; it ends with either,
 * and after the client's own time.
 */
export class OutgoingCall {
  /** Whole milliseconds that it may take, 1 at least: what is left, or the client's own; `Infinity` for what no timer can hold. */
  readonly limitMs: number;
  #onAborted: ((reason: Error) => void) | undefined;
  readonly #limits = currentLimits();
  readonly #call = currentCall();
  #abortReason: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param ownMs the client's own time, or what is asked for it; `Infinity` for none
   * @throws the reason of a call that has been aborted
   */
  constructor(
    private readonly upstream: string,
    ownMs: number | (() => number) = DEFAULT_TIMEOUT_MS,
  ) {
    const timeoutMs = typeof ownMs === 'function' ? ownMs() : ownMs;
    const limits = this.#limits;
    if (limits?.abortReason) throw limits.abortReason;
    const leftMs = limits?.remainingMs ?? Infinity;
    this.limitMs = wholeLimit(Math.min(timeoutMs, leftMs));
    if (timeoutMs < leftMs && timeoutMs <= MAX_TIMER_MS)
      this.#timer = setTimeout(() => this.#abort(upstreamTimeout(upstream)), timeoutMs);
    limits?.signal.addEventListener('abort', this.#follow, { once: true });
  }

  /** As headers and as metadata. */
  get headers(): Readonly<Record<string, string>> {
    return this.#call ? { [REQUEST_ID_HEADER]: this.#call.requestId } : {};
  }

  /** What is left of the call: limits of attempts are for the begin of a stream, not for its end. */
  get streamLimitMs(): number {
    return wholeLimit(this.#call?.remainingMs ?? Infinity);
  }

  /** Why it was aborted, `undefined` while it is wanted. */
  get abortReason(): Error | undefined {
    return this.#abortReason ?? this.#limits?.abortReason;
  }

  /** What to cancel once its result is no longer wanted. A method for the reason of `CallContext`'s. */
  whenAborted(react: (reason: Error) => void): void {
    this.#onAborted = react;
  }

  /** The other service, or the library on its behalf, says that time is up. */
  late(cause: unknown): Error {
    const isOfCall = this.#call !== undefined && this.#call.remainingMs <= 1;
    return isOfCall ? deadlineExceeded() : upstreamTimeout(this.upstream, cause);
  }

  /** A stream has begun: the client's own time is not for the rest of it. */
  begun(): void {
    clearTimeout(this.#timer);
  }

  /** It is over: it listens to nobody any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#limits?.signal.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (): void => {
    if (this.#limits?.abortReason) this.#abort(this.#limits.abortReason);
  };

  #abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#onAborted?.(this.#abortReason);
  }
}

/** gRPC has eight digits for hours; at more grpc-js throws where nobody catches it, and the call has no end. */
function wholeLimit(ms: number): number {
  return ms > MAX_TIMER_MS ? Infinity : Math.max(1, Math.ceil(ms));
}
