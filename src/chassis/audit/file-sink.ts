import { open, stat, type FileHandle } from 'node:fs/promises';
import { makeFolder } from '../config/index.js';
import { extendChain, GENESIS, type ChainState, type Seal } from './chain.js';
import { takeSlot, type ChainSlot } from './chain-slot.js';
import { renderNote, type AuditOrigin } from './entry.js';
import { recoverSegment, type TornEnd } from './recover-segment.js';
import { listSegments, segmentAt, syncDirectory, type Segment } from './segments.js';
import type { AuditAnchor, AuditBatch, AuditSink } from './sink.js';

const PRIVATE = 0o600;
const PRIVATE_FOLDER = 0o700;

export interface FileSinkOptions {
  readonly directory: string;
  readonly seal: Seal;
  readonly origin: AuditOrigin;
  /** A new file begins at this size, in bytes. */
  readonly rotateBytes: number;
  /** Whether each batch is forced to the disk. */
  readonly isSynced: boolean;
  /** A file has its last entry. */
  readonly onRotate: (anchor: AuditAnchor) => void;
}

/** The file that is written to. */
interface Current {
  readonly handle: FileHandle;
  readonly day: string;
  /** Bytes of whole lines; what is behind them belongs to a write that failed. */
  sizeBytes: number;
}

/**
 * Appends to `audit-<chain>-<first entry>.jsonl`, one line an entry. The chain goes on across files: each
 * begins with an entry of the kind `segment` that bears the last hash of the one before.
 */
export class FileSink implements AuditSink {
  #slot: ChainSlot | undefined;
  /** The end of the chain was found: before, an entry would begin it anew in the files that are there. */
  #isReady = false;
  #end: ChainState = { seq: 0, hash: GENESIS };
  #current: Current | undefined;
  /** Bytes of whole lines in the file that a failed write has left; they are known before it is opened again. */
  #failed: { readonly segment: Segment; readonly sizeBytes: number } | undefined;
  #segment: Segment | undefined;
  readonly #repairs: TornEnd[] = [];

  constructor(private readonly options: FileSinkOptions) {}

  async open(): Promise<void> {
    const { directory } = this.options;
    if (!this.#slot) {
      makeFolder(directory, PRIVATE_FOLDER);
      this.#slot = takeSlot(directory);
    }
    this.#isReady = false;
    await this.#findEnd(this.#slot.number);
    this.#isReady = true;
  }

  async write({ bodies }: AuditBatch): Promise<AuditAnchor> {
    if (!this.#isReady || this.#failed) await this.open();
    const repairs = this.#repairs.map((torn) => renderNote('repair', this.options.origin, { ...torn }));
    const current = await this.#currentFor(bodies);
    const heads = current.sizeBytes === 0 ? [this.#head()] : [];
    const { lines, end } = extendChain(this.#end, [...heads, ...repairs, ...bodies], this.options.seal);
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    try {
      await current.handle.appendFile(bytes);
      if (this.options.isSynced) await current.handle.datasync();
    } catch (error) {
      await this.#giveUp(current);
      throw error;
    }
    current.sizeBytes += bytes.length;
    this.#end = end;
    this.#repairs.length = 0;
    return this.#anchor();
  }

  async check(): Promise<void> {
    const current = this.#current;
    const path = this.#segment?.path;
    if (!current || path === undefined) return;
    const [named, opened] = await Promise.all([stat(path).catch(() => undefined), current.handle.stat()]);
    if (named?.ino === opened.ino && named.size >= current.sizeBytes) return;
    if (this.#current !== current) return;
    this.#current = undefined;
    await current.handle.close();
    throw new Error(`${path} was removed, replaced or cut off while it was written; a new file begins`);
  }

  async close(): Promise<void> {
    this.#isReady = false;
    await this.#leaveFile();
    this.#slot?.release();
    this.#slot = undefined;
  }

  /** Goes on where the chain of this slot ends on the disk. */
  async #findEnd(slot: number): Promise<void> {
    const { directory } = this.options;
    // A search that has failed half-way may have opened a file that is another one by now.
    await this.#leaveFile();
    if (this.#failed) await cutBack(this.#failed.segment.path, this.#failed.sizeBytes);
    this.#failed = undefined;
    const segments = (await listSegments(directory)).filter((segment) => segment.slot === slot);
    for (const segment of segments.toReversed()) {
      const { end, sizeBytes, torn } = await recoverSegment(segment, directory);
      if (torn) this.#repairs.push(torn);
      // The last file may have no line yet: its name says where it goes on.
      if (!this.#current) await this.#append(segment, sizeBytes);
      if (!end) continue;
      // Once it is known it is not taken from the disk again: who cuts something off there is found out.
      if (this.#end.seq === 0) this.#end = end;
      return;
    }
  }

  async #currentFor(bodies: readonly string[]): Promise<Current> {
    const current = this.#current;
    const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
    const isFull = (size: number) => size > 0 && size + bytes > this.options.rotateBytes;
    if (current && !isFull(current.sizeBytes) && current.day === today()) return current;
    if (current) {
      this.#current = undefined;
      await current.handle.close();
      this.options.onRotate(this.#anchor());
    }
    const { directory } = this.options;
    const made = await this.#append(segmentAt(directory, this.#slot?.number ?? 0, this.#end.seq + 1), 0);
    await syncDirectory(directory);
    return made;
  }

  async #append(segment: Segment, sizeBytes: number): Promise<Current> {
    const handle = await open(segment.path, 'a', PRIVATE);
    const { mtime } = await handle.stat();
    this.#segment = segment;
    return (this.#current = { handle, sizeBytes, day: sizeBytes === 0 ? today() : dayOf(mtime) });
  }

  async #leaveFile(): Promise<void> {
    const handle = this.#current?.handle;
    this.#current = undefined;
    await handle?.close();
  }

  #head(): string {
    return renderNote('segment', this.options.origin, { file: this.#segment?.name, format: 1 });
  }

  #anchor(): AuditAnchor {
    return { chain: `file-${this.#slot?.number ?? 0}`, ...this.#end };
  }

  /** What was written of a batch is cut off again, at the latest before the next write: nothing of it counts. */
  async #giveUp({ handle, sizeBytes }: Current): Promise<void> {
    if (this.#segment) this.#failed = { segment: this.#segment, sizeBytes };
    this.#current = undefined;
    // Its own failure is the next try's.
    await handle.truncate(sizeBytes).catch(() => undefined);
    await handle.close().catch(() => undefined);
  }
}

async function cutBack(path: string, sizeBytes: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(sizeBytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function today(): string {
  return dayOf(new Date());
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}
