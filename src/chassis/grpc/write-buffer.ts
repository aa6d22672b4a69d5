import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What writers share; a message that needs more gets its own. */
const SHARED_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** A writer of messages from within. */
interface Writer {
  buffer: Uint8Array<ArrayBuffer>;
  /** Of `buffer`, as long as their lengths are the same. */
  viewCache: DataView<ArrayBuffer>;
  pos: number;
  stackPos: number[];
  ensureCapacity: (this: Writer, size: number) => void;
  finish: (this: Writer) => Uint8Array<ArrayBuffer>;
}

const writers = BinaryWriter.prototype as unknown as Writer;
const { ensureCapacity, finish } = writers;
const shared = new Uint8Array(SHARED_BYTES);
const sharedBytes = Buffer.from(shared.buffer);
/** Who writes there, until it has finished. */
let owner: Writer | undefined;
let isPooled = false;

/**
 * A message is written in one go: nearly every writer has finished when the next one begins. So all of them write
 * into one buffer and return copies out of it. Each had one of its own, outside of V8's heap, and made another one to
 * return: these two were a tenth of a unary call. A version of the package whose writers look different is left as
 * it is.
 */
export function shareWriteBuffer(): void {
  const fresh = new BinaryWriter() as unknown as Partial<Writer>;
  const isKnown = fresh.buffer?.length === 0 && fresh.viewCache?.byteLength === 0 && fresh.pos === 0;
  if (!isKnown || typeof ensureCapacity !== 'function') return;
  writers.ensureCapacity = function (size) {
    if (this.pos + size > this.buffer.length) grow(this, size);
  };
  writers.finish = function () {
    return this.buffer === shared ? takeShared(this) : finish.call(this);
  };
}

/** What `serialize` gives, which may be a part of Node's pool: for a message that is sent as it is. */
export function serializePooled(serialize: (value: unknown) => Uint8Array, value: unknown): Uint8Array {
  isPooled = true;
  try {
    return serialize(value);
  } finally {
    isPooled = false;
  }
}

function grow(writer: Writer, size: number): void {
  if (writer.buffer.length > 0 || size > SHARED_BYTES) {
    ensureCapacity.call(writer, size);
    return;
  }
  if (owner) moveOut(owner);
  owner = writer;
  writer.buffer = shared;
}

function takeShared(writer: Writer): Uint8Array<ArrayBuffer> {
  const { pos } = writer;
  const message = isPooled ? Buffer.allocUnsafe(pos) : new Uint8Array(pos);
  sharedBytes.copy(message, 0, 0, pos);
  writer.buffer = NOTHING;
  writer.pos = 0;
  writer.stackPos = [];
  owner = undefined;
  return message;
}

/** A writer that was left for another one, or for good when a value could not be written, goes on in its own buffer. */
function moveOut(writer: Writer): void {
  if (writer.buffer !== shared) return;
  writer.buffer = shared.slice(0, writer.pos);
  writer.viewCache = new DataView(writer.buffer.buffer);
}
