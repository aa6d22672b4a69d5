import type { RandomId } from '../context/index.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** 2³² nanoseconds in milliseconds: the upper half of a time in nanoseconds counts these. */
const HIGH_WORD_MS = 4294.967296;
/** A nested message's length is written once it is known; these bytes are kept for it (28 bits, enough for 256 MiB). */
const LENGTH_BYTES = 4;
const SHORT_STRING = 32;
const MAX_BYTE_VARINT = 0x7f;

/** Appends protobuf fields to one growing buffer: no object, no intermediate array for a message. */
export class ProtobufWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get length(): number {
    return this.#at;
  }

  /** What was written, as a copy of its own; the writer begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  /** Forgets what was written after it was `length` bytes long. */
  rewind(length: number): void {
    this.#at = length;
  }

  /** Begins a nested message; hand the result to `end`. */
  begin(field: number): number {
    this.#reserve(10 + LENGTH_BYTES);
    this.#tag(field, BYTES);
    this.#at += LENGTH_BYTES;
    return this.#at;
  }

  end(begin: number): void {
    let length = this.#at - begin;
    for (let index = 0; index < LENGTH_BYTES; index++) {
      this.#bytes[begin - LENGTH_BYTES + index] = (length & 0x7f) | (index < LENGTH_BYTES - 1 ? 0x80 : 0);
      length >>>= 7;
    }
  }

  string(field: number, text: string): void {
    const { length } = text;
    this.#reserve(20 + length * 3);
    this.#tag(field, BYTES);
    if (length <= SHORT_STRING && this.#ascii(text)) return;
    const byteLength = Buffer.byteLength(text);
    this.#varint(byteLength);
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  /**
   * A message of two fields: `first` is encoded already, and `second` is a message whose only field, `inner`, is the
   * text. Where all of it is short and ASCII, its lengths are known and take a byte each.
   */
  pair(field: number, first: Buffer, second: number, inner: number, text: string): void {
    const { length } = text;
    const whole = first.length + 4 + length;
    if (whole > MAX_BYTE_VARINT) {
      this.#longPair(field, first, second, inner, text);
      return;
    }
    this.#reserve(10 + whole);
    const begin = this.#at;
    this.#tag(field, BYTES);
    this.#bytes[this.#at++] = whole;
    this.raw(first);
    this.#tag(second, BYTES);
    this.#bytes[this.#at++] = length + 2;
    this.#tag(inner, BYTES);
    if (this.#ascii(text)) return;
    this.#at = begin;
    this.#longPair(field, first, second, inner, text);
  }

  /** An id of bytes, or of a caller's hexadecimal digits. */
  id(field: number, id: RandomId | string): void {
    const length = (typeof id === 'string' ? id : id.digits).length / 2;
    this.#reserve(20 + length);
    this.#tag(field, BYTES);
    this.#varint(length);
    if (typeof id === 'string') this.#at += this.#bytes.write(id, this.#at, 'hex');
    else this.#idBytes(id, length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#reserve(20 + value.length);
    this.#tag(field, BYTES);
    this.#varint(value.length);
    this.raw(value);
  }

  /** Bytes that are fields already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A whole number that a double holds exactly, negative ones as int64. */
  integer(field: number, value: number): void {
    this.#reserve(20);
    this.#tag(field, VARINT);
    if (value >= 0) this.#varint(value);
    else this.#negative(value);
  }

  double(field: number, value: number): void {
    this.#reserve(18);
    this.#tag(field, FIXED64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  fixed32(field: number, value: number): void {
    this.#reserve(14);
    this.#tag(field, FIXED32);
    this.#word(value);
  }

  /** Milliseconds since the epoch as nanoseconds. */
  time(field: number, ms: number): void {
    this.#reserve(18);
    this.#tag(field, FIXED64);
    const high = Math.floor(ms / HIGH_WORD_MS);
    const low = Math.min(0xffffffff, Math.max(0, Math.round((ms - high * HIGH_WORD_MS) * 1e6)));
    this.#word(low);
    this.#word(high);
  }

  #longPair(field: number, first: Buffer, second: number, inner: number, text: string): void {
    const begin = this.begin(field);
    this.raw(first);
    const value = this.begin(second);
    this.string(inner, text);
    this.end(value);
    this.end(begin);
  }

  /** Writes a short text with its length byte; false, and nothing written, when it is not all ASCII. */
  #ascii(text: string): boolean {
    const { length } = text;
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #idBytes({ bytes: from, at: begin }: RandomId, length: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = begin; index < begin + length; index++) bytes[at++] = from[index] ?? 0;
    this.#at = at;
  }

  /** 32 bits, unsigned, the lowest first. */
  #word(value: number): void {
    this.#bytes[this.#at++] = value & 0xff;
    this.#bytes[this.#at++] = (value >>> 8) & 0xff;
    this.#bytes[this.#at++] = (value >>> 16) & 0xff;
    this.#bytes[this.#at++] = value >>> 24;
  }

  #tag(field: number, wireType: number): void {
    this.#varint((field << 3) | wireType);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
