import type { RandomId } from '../context/index.js';

const INITIAL_BYTES = 1024;
const DIGITS = Buffer.from('0123456789abcdef');
/** What JSON makes of one UTF-16 unit at most: `\u0000`. */
const MAX_BYTES_PER_UNIT = 6;
const QUOTE = 34;
const BACKSLASH = 92;
const FIRST_VISIBLE = 32;
const LAST_ASCII = 126;
const DOT = 46;
const ZERO = 48;
/** Beyond, a number is written by the engine. */
const MAX_EXACT_MS = 1e9;

/** One JSON line being put together as bytes: no string of it is ever made. */
export class LineBuffer {
  bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  append(part: Buffer): void {
    this.#reserve(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }

  /** Text that needs no quotes and is ASCII. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) this.bytes[this.length++] = text.charCodeAt(index);
  }

  /** A JSON string. */
  quoted(text: string): void {
    this.#reserve(text.length * MAX_BYTES_PER_UNIT + 2);
    if (!this.#plain(text)) this.length += this.bytes.write(JSON.stringify(text), this.length);
  }

  /** A JSON string of an id's digits. */
  id(id: RandomId | string): void {
    if (typeof id === 'string') {
      this.quoted(id);
      return;
    }
    const { digits, bytes: from, at: begin } = id;
    this.#reserve(digits.length + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let index = begin; index < begin + digits.length / 2; index++) {
      const byte = from[index] ?? 0;
      bytes[at++] = DIGITS[byte >> 4] ?? 0;
      bytes[at++] = DIGITS[byte & 0xf] ?? 0;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** A duration in milliseconds, to the microsecond. */
  milliseconds(ms: number): void {
    if (ms > MAX_EXACT_MS) {
      this.ascii(String(Math.round(ms * 1000) / 1000));
      return;
    }
    const micros = Math.round(ms * 1000);
    const fraction = micros % 1000;
    this.#reserve(20);
    this.#digits((micros - fraction) / 1000);
    if (fraction === 0) return;
    this.bytes[this.length++] = DOT;
    this.fixed3(fraction);
    while (this.bytes[this.length - 1] === ZERO) this.length--;
  }

  /** 0–999 as three digits. */
  fixed3(value: number): void {
    this.#reserve(3);
    this.bytes[this.length++] = ZERO + Math.floor(value / 100);
    this.bytes[this.length++] = ZERO + (Math.floor(value / 10) % 10);
    this.bytes[this.length++] = ZERO + (value % 10);
  }

  /** False, and nothing appended, when something has to be escaped or is not ASCII. */
  #plain(text: string): boolean {
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < FIRST_VISIBLE || code > LAST_ASCII || code === QUOTE || code === BACKSLASH) return false;
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.length = at;
    return true;
  }

  #digits(value: number): void {
    let scale = 1;
    while (value >= scale * 10) scale *= 10;
    for (; scale >= 1; scale /= 10) this.bytes[this.length++] = ZERO + (Math.floor(value / scale) % 10);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
