/** How long work may take and what tells it to stop: of a call, or of one attempt within it. */
export interface Limits {
  /** Epoch milliseconds after which nobody waits for the result; `Infinity` when there is none. */
  readonly deadline: number;
  /** Milliseconds left until the deadline, never negative; `Infinity` without a deadline. */
  readonly remainingMs: number;
  /** Aborts when the result is no longer wanted. Made on first use. */
  readonly signal: AbortSignal;
  /** Why the work was aborted, `undefined` while it is wanted. */
  readonly abortReason: Error | undefined;
}
