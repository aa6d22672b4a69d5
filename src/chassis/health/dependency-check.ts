/** Something the service needs and that can be asked whether it works. */
export interface DependencyCheck {
  /** Name in the answer, in the log and in the metric; each once. */
  readonly name: string;
  /** What it is, for `/info`, such as `postgres`. */
  readonly kind: string;
  /**
   * Resolves when the dependency works, rejects when it does not; the error's message is shown by
   * `/readyz`. `signal` aborts when the time limit is over: hand it to whatever waits, because the next
   * check begins only when this one has settled, or after ten time limits.
   */
  readonly check: (options: { readonly signal: AbortSignal }) => Promise<void>;
  /**
   * Whether the instance is of no use without it. One that is not only shows: `/readyz` stays 200, with
   * the status `degraded`.
   * @default true
   */
  readonly isCritical?: boolean;
  /**
   * Longest time for one check, in milliseconds, a day at most.
   * @default HEALTH_TIMEOUT_MS
   */
  readonly timeoutMs?: number;
  /**
   * Time from the end of one check to the beginning of the next, in milliseconds; probes in between are
   * answered from the last one. A day at most.
   * @default HEALTH_INTERVAL_MS
   */
  readonly intervalMs?: number;
}
