import { randomUUID } from 'node:crypto';
import type { AuditBatch } from './sink.js';

const MAX_BATCH_ENTRIES = 512;

/** An entry that is not durable yet. */
export interface PendingEntry {
  readonly body: string;
  /** Told once: without an error when the entry is durable or nobody has to wait for it any more. */
  settle: ((error?: Error) => void) | undefined;
}

/** Entries that are written together. */
export interface PendingBatch extends AuditBatch {
  readonly entries: readonly PendingEntry[];
}

/** Entries in their order, as long as they take no more than `maxBytes`. */
export class EntryQueue {
  #entries: PendingEntry[] = [];
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get size(): number {
    return this.#entries.length;
  }

  get isFull(): boolean {
    return this.#bytes >= this.maxBytes;
  }

  push(entry: PendingEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.body.length;
  }

  unshift(entry: PendingEntry): void {
    this.#entries.unshift(entry);
    this.#bytes += entry.body.length;
  }

  /** Takes the first ones away, as many as are written together. */
  take(): PendingBatch {
    const entries = this.#entries.splice(0, MAX_BATCH_ENTRIES);
    return batchOf(entries);
  }

  /** They take no place any more. */
  forget({ bodies }: AuditBatch): void {
    for (const body of bodies) this.#bytes -= body.length;
  }

  /** Nobody waits for those that are here any more. */
  settleAll(error?: Error): void {
    for (const entry of this.#entries) settle(entry, error);
  }
}

/** Entries as one batch. */
export function batchOf(entries: readonly PendingEntry[]): PendingBatch {
  return { id: randomUUID(), bodies: entries.map(({ body }) => body), entries };
}

/** Tells whoever waits for an entry, once. */
export function settle(entry: PendingEntry, error?: Error): void {
  entry.settle?.(error);
  entry.settle = undefined;
}
