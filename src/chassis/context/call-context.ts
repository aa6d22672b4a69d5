/** The ways a call comes in. */
export type TransportName = 'http' | 'grpc';

/** `setTimeout` cannot wait longer: 2³¹ − 1 milliseconds, 24.8 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * What belongs to one call, from its first byte to its last: id, deadline, cancellation. The
 * transport edge opens and closes it; everybody else reads it with `currentCall()`.
 */
export class CallContext {
  /** The transport edge's own reaction to an abort: it answers. Runs before the signal's listeners. */
  onAborted: ((reason: Error) => void) | undefined;
  #deadline = Infinity;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #logFields: Readonly<Record<string, unknown>> | undefined;

  constructor(
    readonly transport: TransportName,
    readonly requestId: string,
  ) {}

  /** Epoch milliseconds after which nobody waits for the answer; `Infinity` when there is none. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Milliseconds left until the deadline, never negative; `Infinity` without a deadline. */
  get remainingMs(): number {
    return Math.max(0, this.#deadline - Date.now());
  }

  /**
   * Aborts when the client leaves, cancels or runs out of time. Hand it to whatever waits.
   * Made on first use: a call that never looks at it pays nothing.
   */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the call was aborted, `undefined` while it is alive. */
  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  /** The fields that every log line inside the call bears. */
  get logFields(): Readonly<Record<string, unknown>> {
    return (this.#logFields ??= { request_id: this.requestId });
  }

  /** Gives the call `timeoutMs` from now; then it is aborted with what `reason` makes. */
  expireAfter(timeoutMs: number, reason: () => Error): void {
    this.#deadline = Date.now() + timeoutMs;
    if (timeoutMs > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => this.abort(reason()), timeoutMs);
  }

  /** Cancels the work. Only the first reason counts. */
  abort(reason: Error): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    this.onAborted?.(reason);
    this.#controller?.abort(reason);
  }

  /** The call is over: its deadline can no longer fire. */
  close(): void {
    clearTimeout(this.#timer);
  }
}
