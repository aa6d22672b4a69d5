import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { LineBuffer } from './line-buffer.js';

/** What goes out in one write: far fewer system calls than lines. */
const CHUNK_BYTES = 64 * 1024;
/** UTF-8 takes this much for one UTF-16 unit at most. */
const MAX_BYTES_PER_UNIT = 3;
/** A line waits this long at most for others to go with, in milliseconds. */
const GATHER_MS = 50;
/** What one turn of the event loop writes at most, in bytes. */
const TURN_BYTES = 1024 * 1024;
/** What a reader that does not read may cost of memory; further lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** A full pipe is tried again after this time, and twice as long each time nothing was read. */
const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 50;
/** At the end of the process: how long a reader that does not read may hold it up, in milliseconds. */
const EXIT_WAIT_MS = 1000;
const LINE_BREAK = 10;

/**
 * Log lines on their way to a file descriptor. They gather for a moment and leave in one write that
 * takes what the reader has room for and never waits for it; the rest is tried again. Every byte is
 * in our hands until it is out, so that lines stay in order and what is left when the process ends is
 * written then. What does not fit the buffer is dropped and counted.
 */
export class LogOutput {
  /** Lines that found no place, or no reader. */
  dropped = 0;
  #fd: number | undefined;
  /** Younger than every chunk. Bytes rather than text: a long string of pieces costs the garbage collector. */
  #gathered: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #length = 0;
  /** What was written and is free to gather in again. */
  #spare: Buffer | undefined;
  /** Oldest first; empty, unless the reader has no room. */
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #retryMs = MIN_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly target: number) {}

  /** A line as text, with its line break; pino's way. */
  write(line: string): void {
    if (!this.#hasRoom(line.length)) return;
    const size = line.length * MAX_BYTES_PER_UNIT;
    if (this.#length + size > CHUNK_BYTES) this.#send();
    if (size > CHUNK_BYTES) this.#push(Buffer.from(line));
    else this.#length += this.#gathered.write(line, this.#length);
    this.#timer ??= setTimeout(() => this.#send(), GATHER_MS).unref();
  }

  /** A line as bytes, which are copied. */
  writeLine({ bytes, length }: Pick<LineBuffer, 'bytes' | 'length'>): void {
    if (!this.#hasRoom(length)) return;
    if (this.#length + length > CHUNK_BYTES) this.#send();
    if (length > CHUNK_BYTES) this.#push(Buffer.from(bytes.subarray(0, length)));
    else this.#length += bytes.copy(this.#gathered, this.#length, 0, length);
    this.#timer ??= setTimeout(() => this.#send(), GATHER_MS).unref();
  }

  /** Writes what waits before it returns; pino calls it for fatal lines, the process at its end. */
  flushSync(): void {
    const giveUpAt = Date.now() + EXIT_WAIT_MS;
    this.#seal();
    while (this.#chunks.length > 0 && Date.now() < giveUpAt) {
      if (this.#writeSome() === 0) pause(MIN_RETRY_MS);
    }
  }

  #hasRoom(size: number): boolean {
    if (this.#waitingBytes + this.#length + size > MAX_WAITING_BYTES) {
      this.dropped += 1;
      return false;
    }
    this.#fd ??= this.#open();
    return true;
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#seal();
    for (let sent = 0; this.#chunks.length > 0;) {
      const bytes = this.#writeSome();
      sent += bytes;
      this.#retryMs = bytes > 0 ? MIN_RETRY_MS : Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      if (bytes > 0 && sent < TURN_BYTES) continue;
      this.#timer = setTimeout(() => this.#send(), this.#retryMs).unref();
      return;
    }
  }

  #seal(): void {
    if (this.#length === 0) return;
    this.#push(this.#gathered.subarray(0, this.#length));
    this.#gathered = this.#spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#spare = undefined;
    this.#length = 0;
  }

  #push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** Bytes of the oldest chunk that are dealt with; 0 when the reader has no room. */
  #writeSome(): number {
    const [chunk = Buffer.alloc(0)] = this.#chunks;
    const bytes = this.#tryWrite(chunk);
    if (bytes === chunk.length) {
      this.#chunks.shift();
      if (chunk.buffer.byteLength === CHUNK_BYTES) this.#spare = Buffer.from(chunk.buffer);
    } else this.#chunks[0] = chunk.subarray(bytes);
    this.#waitingBytes -= bytes;
    return bytes;
  }

  #tryWrite(chunk: Buffer): number {
    try {
      return writeSync(this.#fd ?? this.target, chunk);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
      // Nobody reads, or the disk is full: a service goes on without these lines of its log.
      this.dropped += chunk.reduce((lines, byte) => (byte === LINE_BREAK ? lines + 1 : lines), 0);
      return chunk.length;
    }
  }

  /** Opened with the first line: a service that logs nothing leaves no trace in the process. */
  #open(): number {
    process.once('exit', () => this.flushSync());
    return withoutBlocking(this.target);
  }
}

/**
 * A descriptor whose writes never wait for a reader. A pipe or a terminal is opened once more, because
 * the flag belongs to what others may share; where that cannot be (sockets, other systems), Node sets
 * it as it does for everybody who uses `process.stdout`. A file has no reader to wait for.
 */
function withoutBlocking(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    process.stdout.once('error', () => {
      // Its writes are ours, and we count what fails.
    });
    return fd;
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
