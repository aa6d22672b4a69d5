import { fillRandom } from './random-bytes.js';

/** Made at once. An id that is kept for long keeps these: they are few. */
const BLOCK_BYTES = 512;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** A random id: its hexadecimal digits and, for whoever writes many of them, the bytes that they stand for. */
export class RandomId {
  constructor(
    readonly digits: string,
    /** The id's own begin at `at`; half as many as there are digits. */
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
}

let bytes: Uint8Array = new Uint8Array();
let digits = '';
let at = 0;

export function newTraceId(): RandomId {
  return take(TRACE_ID_BYTES);
}

export function newSpanId(): RandomId {
  return take(SPAN_ID_BYTES);
}

function take(size: number): RandomId {
  if (at + size > bytes.length) makeBlock();
  const from = at;
  at += size;
  return new RandomId(digits.slice(from * 2, at * 2), bytes, from);
}

function makeBlock(): void {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  fillRandom(block);
  bytes = block;
  digits = block.toString('hex');
  at = 0;
}
