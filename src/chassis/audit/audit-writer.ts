import { Logger } from '@nestjs/common';
import { runInScope, Scope } from '../context/index.js';
import { whyOf } from '../errors/index.js';
import { auditUnavailable } from './audit-errors.js';
import { batchOf, EntryQueue, settle, type PendingBatch, type PendingEntry } from './entry-queue.js';
import type { AuditAnchor, AuditSink } from './sink.js';

export interface AuditWriterOptions {
  /** `refuse`: what cannot be recorded fails; `allow`: it goes on. */
  readonly onFailure: 'refuse' | 'allow';
  readonly bufferBytes: number;
  /** A write that takes longer counts as failed, in milliseconds. */
  readonly timeoutMs: number;
  /** Between two tries while the sink is away, in milliseconds. */
  readonly retryMs: number;
  readonly onAnchor: (anchor: AuditAnchor) => void;
  readonly onWritten: (entries: number, seconds: number) => void;
  /** Makes the entry that tells of an outage. */
  readonly describeOutage: (outage: Outage) => string;
}

/** A time in which nothing could be written. */
export interface Outage {
  /** ISO 8601. */
  readonly since: string;
  readonly cause: string;
  /** Audited calls that were refused because of it. */
  refused: number;
  /** Entries that found no place to wait. */
  lost: number;
}

/**
 * Writes entries in their order, those that come together with one write (group commit): each resolves when
 * it is durable. While the sink is away they wait, as many as `bufferBytes` holds, and are written when it
 * is back, after an entry that tells of the outage.
 */
export class AuditWriter {
  /** Audited calls that were refused, and entries that were lost, so far. */
  readonly counts = { refused: 0, lost: 0 };
  readonly #queue: EntryQueue;
  readonly #logger = new Logger('Audit');
  #outage: Outage | undefined;
  /** Tried, not written: comes first, unchanged. */
  #tried: PendingBatch | undefined;
  #work: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  constructor(
    private readonly sink: AuditSink,
    private readonly options: AuditWriterOptions,
  ) {
    this.#queue = new EntryQueue(options.bufferBytes);
  }

  /** What keeps it from writing, `undefined` when nothing does. */
  get outage(): Readonly<Outage> | undefined {
    return this.#outage;
  }

  get waiting(): number {
    return this.#queue.size + (this.#tried?.entries.length ?? 0);
  }

  /**
   * Asked before the work that is to be recorded. A promise: wait for it, there is no room at the moment.
   * @throws {ServiceError} AUDIT_UNAVAILABLE
   */
  admit(): Promise<void> | undefined {
    this.#refuseWhileAway();
    if (!this.#queue.isFull || this.#outage) return undefined;
    return this.#untilRoom().then(() => this.#refuseWhileAway());
  }

  /**
   * Resolves when the entry is durable, or need not be because of `allow`.
   * @throws {ServiceError} AUDIT_UNAVAILABLE: it is not durable yet; unless its process dies it will be
   */
  async add(body: string): Promise<void> {
    if (this.#isClosed) return this.#lose();
    if (this.#queue.isFull && !this.#outage) await this.#untilRoom();
    if (this.#queue.isFull) return this.#lose();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry: PendingEntry = { body, settle: (error) => (error ? reject(error) : resolve()) };
    this.#queue.push(entry);
    if (this.#outage) settle(entry, this.#toError());
    else this.#start();
    return promise;
  }

  /** Finds out whether what was written is still there. */
  async check(): Promise<void> {
    if (this.#isClosed || this.#outage) return;
    await this.sink.check().catch((error: unknown) => {
      this.#begin(error);
      this.#retryLater();
    });
  }

  /** Writes what waits, then `last`, and closes the sink. */
  async close(last: string): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#queue.push({ body: last, settle: undefined });
    this.#start();
    await this.#work;
    if (this.waiting > 0)
      this.#logger.error({ entries: this.waiting }, 'audit entries are lost: the trail is away');
    await this.sink.close();
  }

  #start(): void {
    // What is written belongs to many calls.
    this.#work ??= runInScope(Scope.NONE, () => this.#writeAll()).finally(() => (this.#work = undefined));
  }

  async #writeAll(): Promise<void> {
    if (this.#outage && !this.#tried && !(await this.#probe(this.#outage))) return;
    // What is added meanwhile is written with the next batch.
    while (this.#tried !== undefined || this.#queue.size > 0) {
      const batch = (this.#tried ??= this.#queue.take());
      if (!(await this.#write(batch))) return;
      this.#tried = undefined;
      for (const entry of batch.entries) settle(entry);
      this.#queue.forget(batch);
      this.#room?.resolve();
      this.#room = undefined;
      if (this.#outage) this.#queue.unshift({ body: this.#end(this.#outage), settle: undefined });
    }
  }

  /** With nothing tried before, the entry that tells of the outage finds out whether it is over. */
  async #probe(outage: Outage): Promise<boolean> {
    const told = { ...outage };
    const probe = batchOf([{ body: this.options.describeOutage(told), settle: undefined }]);
    if (!(await this.#write(probe))) return false;
    this.#end(outage);
    return true;
  }

  async #write(batch: PendingBatch): Promise<boolean> {
    const begin = performance.now();
    const limit = setTimeout(() => this.#begin(new Error('a write takes too long')), this.options.timeoutMs);
    try {
      const anchor = await this.sink.write(batch);
      this.options.onWritten(batch.entries.length, (performance.now() - begin) / 1000);
      this.options.onAnchor(anchor);
      return true;
    } catch (error) {
      this.#begin(error);
      this.#retryLater();
      return false;
    } finally {
      clearTimeout(limit);
    }
  }

  /** The sink is away: whoever waits learns it. */
  #begin(error: unknown): void {
    const cause = whyOf(error);
    if (!this.#outage) {
      const { onFailure } = this.options;
      this.#logger.error({ err: error, onFailure }, 'audit trail cannot be written');
      this.#outage = { since: new Date().toISOString(), cause, refused: 0, lost: 0 };
    }
    for (const entry of this.#tried?.entries ?? []) settle(entry, this.#toError());
    this.#queue.settleAll(this.#toError());
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** It is back; returns the entry that tells of it. */
  #end(outage: Outage): string {
    this.#outage = undefined;
    const { since, refused, lost } = outage;
    this.#logger.warn({ since, refused, lost }, 'audit trail can be written again');
    return this.options.describeOutage(outage);
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#start(), this.options.retryMs);
  }

  async #untilRoom(): Promise<void> {
    while (this.#queue.isFull && !this.#outage) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  #lose(): Promise<void> {
    this.counts.lost += 1;
    if (this.#outage) this.#outage.lost += 1;
    const error = this.#toError();
    return error ? Promise.reject(error) : Promise.resolve();
  }

  #refuseWhileAway(): void {
    if (this.options.onFailure === 'allow' || !(this.#outage ?? this.#isClosed)) return;
    this.counts.refused += 1;
    if (this.#outage) this.#outage.refused += 1;
    throw auditUnavailable();
  }

  #toError(): Error | undefined {
    return this.options.onFailure === 'refuse' ? auditUnavailable() : undefined;
  }
}
