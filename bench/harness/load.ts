/** What a load generator did in one run. */
export interface Load {
  readonly calls: number;
  readonly seconds: number;
}

/** Calls one target over a few lasting connections. */
export interface LoadClient {
  /** As fast as the target answers, every connection or stream waiting for its answer. */
  run(until: { readonly ms: number } | { readonly calls: number }): Promise<Load>;
  close(): void;
}
