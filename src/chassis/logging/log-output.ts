import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';

/** Enough for one write; more waits for the one before it. */
const FLUSH_CHARACTERS = 64 * 1024;
/** A line waits this long at most, in milliseconds. */
const FLUSH_INTERVAL_MS = 50;
/** What a reader that does not read may cost of memory; further lines are dropped. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** A full pipe is tried again after this time, and twice as long each time nothing was read. */
const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 50;
const NOTHING = Buffer.alloc(0);
/** At the end of the process: how long a reader that does not read may hold it up. */
const EXIT_WAIT_MS = 500;

/**
 * Log lines on their way to a file descriptor. They gather for a moment and leave in one write on
 * Node's thread pool, so a slow reader or a busy disk never holds up the event loop. What is left
 * when the process ends is written then; what does not fit the buffer is dropped and counted.
 */
export class LogOutput {
  /** Lines that found no place, or no reader. */
  dropped = 0;
  #fd: number | undefined;
  #pending = '';
  #pendingLines = 0;
  #chunk: Chunk | undefined;
  #isBroken = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = MIN_RETRY_MS;

  constructor(private readonly target: number) {}

  write(line: string): void {
    if (this.#isBroken || this.#pending.length + line.length > MAX_CHARACTERS) {
      this.dropped += 1;
      return;
    }
    if (this.#fd === undefined) this.#open();
    this.#pending += line;
    this.#pendingLines += 1;
    if (this.#chunk) return;
    if (this.#pending.length >= FLUSH_CHARACTERS) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), FLUSH_INTERVAL_MS).unref();
  }

  /** Writes what waits before it returns; pino calls it for fatal lines, the process at its end. */
  flushSync(): void {
    // What the thread pool has in hand is out in no time, unless nobody reads.
    if (this.#chunk && !this.#chunk.isWaiting) pause(MIN_RETRY_MS);
    const rest = this.#chunk?.isWaiting ? this.#chunk.bytes.subarray(this.#chunk.offset) : NOTHING;
    if (this.#chunk?.isWaiting) this.#chunk.offset = this.#chunk.bytes.length;
    writeAllSync(this.#open(), Buffer.concat([rest, this.#take()]));
  }

  #send(): void {
    const lines = this.#pendingLines;
    const bytes = this.#take();
    if (bytes.length === 0) return;
    this.#chunk = { bytes, offset: 0, lines, isWaiting: false };
    this.#write(this.#chunk);
  }

  #take(): Buffer {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    this.#pendingLines = 0;
    return bytes;
  }

  #write(chunk: Chunk): void {
    chunk.isWaiting = false;
    if (chunk.offset >= chunk.bytes.length) {
      this.#next();
      return;
    }
    write(this.#open(), chunk.bytes, chunk.offset, null, null, (error, written) => {
      if (isBusy(error)) this.#retry(chunk);
      else if (error) this.#break(chunk);
      else {
        chunk.offset += written;
        this.#retryMs = MIN_RETRY_MS;
        this.#write(chunk);
      }
    });
  }

  #retry(chunk: Chunk): void {
    chunk.isWaiting = true;
    setTimeout(() => this.#write(chunk), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  #next(): void {
    this.#chunk = undefined;
    if (this.#pending.length >= FLUSH_CHARACTERS) this.#send();
    else if (this.#pending) this.#timer = setTimeout(() => this.#send(), FLUSH_INTERVAL_MS).unref();
  }

  /** Nobody reads any more: a service goes on without its log. */
  #break({ lines }: Chunk): void {
    this.#isBroken = true;
    this.#chunk = undefined;
    this.dropped += lines + this.#pendingLines;
    this.#take();
  }

  /** Opened with the first line: a service that logs nothing leaves no trace in the process. */
  #open(): number {
    if (this.#fd === undefined) {
      this.#fd = withoutBlocking(this.target);
      process.once('exit', () => this.flushSync());
    }
    return this.#fd;
  }
}

interface Chunk {
  readonly bytes: Buffer;
  /** Written so far. */
  offset: number;
  readonly lines: number;
  /** Waits for the pipe to have room; otherwise the thread pool has it in hand. */
  isWaiting: boolean;
}

/**
 * A pipe opened once more, as one that never blocks its writer: even a thread of the pool that hangs
 * in a write would keep the process from ending. The flag is not set on the descriptor itself, which
 * others may share. What cannot be opened so (sockets, other systems) is used as it is.
 */
function withoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

function writeAllSync(fd: number, bytes: Buffer): void {
  const giveUpAt = Date.now() + EXIT_WAIT_MS;
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if (!isBusy(error) || Date.now() > giveUpAt) return;
      pause(MIN_RETRY_MS);
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EBUSY');
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
