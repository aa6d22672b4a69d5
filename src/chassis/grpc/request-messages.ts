import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Readable } from 'node:stream';
import type { GrpcCall } from '../context/index.js';
import { callCancelled, type ServiceError } from '../errors/index.js';
import { endsAmidMessage, isGone } from './call-link.js';
import { incompleteMessage, malformedMessage } from './edge-errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decodeUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);

/**
 * What the wire delivered instead of a message. A deserializer that throws makes grpc-js answer
 * INTERNAL, although the fault is the caller's; so it returns this, and the handler refuses it.
 */
class MalformedMessage {
  constructor(readonly cause: unknown) {}

  toError(): ServiceError {
    return malformedMessage('The message is not valid protobuf for this method', this.cause);
  }
}

/**
 * A generated deserializer that refuses invalid UTF-8, as proto3 asks for, and reports whatever it
 * cannot read as `MalformedMessage`.
 */
export function tolerant<T>(deserialize: (bytes: Buffer) => T): (bytes: Buffer) => T | MalformedMessage {
  // Generated code hands what it is given to its message's `decode`, which takes a reader as well as bytes.
  const decode = deserialize as unknown as (reader: BinaryReader) => T;
  return (bytes) => {
    try {
      return decode(new BinaryReader(bytes, decodeUtf8));
    } catch (error) {
      return new MalformedMessage(error);
    }
  };
}

/** @throws ServiceError when the message was malformed */
export function readMessage(message: unknown): unknown {
  if (message instanceof MalformedMessage) throw message.toError();
  return message;
}

/** The messages of a request stream as they are asked for; ends with the call's own reason when it is aborted. */
export async function* readMessages(stream: Readable, call: GrpcCall): AsyncGenerator {
  try {
    // Leaving the loop early must not destroy the stream: on a bidirectional call it still carries the answer.
    for await (const message of stream.iterator({ destroyOnReturn: false })) {
      call.messagesIn += 1;
      call.onMessage?.();
      const admission = call.admitMessage?.();
      if (admission) await admission;
      yield readMessage(message);
    }
    if (isGone(stream)) {
      if (!call.isAnswered) call.abandon();
      throw callCancelled();
    }
    if (endsAmidMessage(stream)) throw incompleteMessage();
  } catch (error) {
    // grpc-js ended the call by itself, with a status of its own, for a frame that it cannot take.
    if (isPrematureClose(error)) call.abort(call.error ?? callCancelled());
    throw call.abortReason ?? error;
  }
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
