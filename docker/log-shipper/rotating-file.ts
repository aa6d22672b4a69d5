import { appendFileSync, closeSync, fstatSync, openSync, renameSync } from 'node:fs';

const NEW_LINE = 0x0a;

/** A file that lines are added to; a full one becomes `<path>.1`. Lines are never parted between the two. */
export class RotatingFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #onProblem: (problem: string) => void;
  #fd: number | undefined;
  #bytes = 0;
  #endsInLine = false;
  #isBroken = false;

  /** `onProblem` hears of the first failed write of a row of them. */
  constructor(path: string, maxBytes: number, onProblem: (problem: string) => void) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#onProblem = onProblem;
  }

  /** Never throws: a log that cannot be kept must not end what it is about. */
  write(chunk: Buffer): void {
    try {
      this.#write(chunk);
      this.#isBroken = false;
    } catch (error) {
      if (!this.#isBroken) this.#onProblem((error as Error).message);
      this.#isBroken = true;
    }
  }

  #write(chunk: Buffer): void {
    this.#fd ??= this.#open();
    const end = this.#endsInLine ? chunk.indexOf(NEW_LINE) + 1 : 0;
    const mayRotate = end > 0 || !this.#endsInLine;
    if (this.#bytes < this.#maxBytes || !mayRotate) return this.#append(this.#fd, chunk);
    this.#append(this.#fd, chunk.subarray(0, end));
    closeSync(this.#fd);
    this.#fd = undefined;
    renameSync(this.#path, `${this.#path}.1`);
    this.#fd = this.#open();
    this.#append(this.#fd, chunk.subarray(end));
  }

  #open(): number {
    const fd = openSync(this.#path, 'a');
    this.#bytes = fstatSync(fd).size;
    return fd;
  }

  #append(fd: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    appendFileSync(fd, bytes);
    this.#bytes += bytes.length;
    this.#endsInLine = bytes.at(-1) !== NEW_LINE;
  }
}
