import type { ChainState } from './chain.js';

/** Entries that are written together. */
export interface AuditBatch {
  /** Stays the same when the batch is tried again, so that it is never written twice. */
  readonly id: string;
  /** JSON objects, as text. */
  readonly bodies: readonly string[];
}

/** Where a chain ends, for the log: whoever keeps it elsewhere can tell later that nothing was cut off. */
export interface AuditAnchor extends ChainState {
  /** Which chain. */
  readonly chain: string;
}

/** Keeps the chain. One batch at a time. */
export interface AuditSink {
  /** Makes sure that it can be written to. @throws {Error} saying why not */
  open(): Promise<void>;
  /** Resolves when all of it is durable. Rejects when none of it is: try the same batch again. */
  write(batch: AuditBatch): Promise<AuditAnchor>;
  /** @throws {Error} when what was written is not where it was written to */
  check(): Promise<void>;
  close(): Promise<void>;
}
