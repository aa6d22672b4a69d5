/** What a load generator did in one run. */
export interface Load {
  readonly calls: number;
  readonly seconds: number;
}

/**
 * Turns the event loop without sleeping until `load` is there: waking a sleeping process is the work of
 * the one that writes to it, and would be counted as work of the slower targets only.
 */
export function stayAwake(load: Promise<unknown>): void {
  let isDone = false;
  const turn = (): void => {
    if (!isDone) setImmediate(turn);
  };
  turn();
  void load.finally(() => (isDone = true)).catch(() => undefined);
}

/** Calls one target over a few lasting connections. */
export interface LoadClient {
  /** As fast as the target answers, every connection or stream waiting for its answer. */
  run(until: { readonly ms: number } | { readonly calls: number }): Promise<Load>;
  close(): void;
}
