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

const NAP_MS = 0.12;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/**
 * Gives the core away, unless something is due before the nap would be over. A timer of the event loop would sleep
 * ten times as long; Linux adds some 0.06 ms to what is asked for.
 */
export function napBefore(due: number): void {
  if (due - performance.now() > NAP_MS) Atomics.wait(nobody, 0, 0, NAP_MS / 2);
}

/** Calls one target over a few lasting connections. */
export interface LoadClient {
  /** As fast as the target answers, every connection or stream waiting for its answer. */
  run(until: { readonly ms: number } | { readonly calls: number }): Promise<Load>;
  close(): void;
}
