import { constants, type ServerHttp2Stream } from 'node:http2';
import type { GrpcCall } from '../context/index.js';

/** Time for an answer to arrive, and for its client to end the stream. */
const PARTING_MS = 1000;
const CALL = Symbol('chassis.grpc-call');
/** What grpc-js ends a call with whose message has an unknown flag. */
export const UNKNOWN_FLAG = 'Unknown flag of a message';

/** What takes the bytes of a grpc-js server call apart. */
interface Decoder {
  /** 0 between two messages. */
  readonly readState: number;
  /** Of the last message. */
  readonly readCompressFlag: Buffer;
  write(bytes: Buffer): Buffer[];
}

type EdgeStream = ServerHttp2Stream & { [CALL]?: GrpcCall };

/** Ties a call to its HTTP/2 stream, where `callOf` finds it again. */
export function attachCall(stream: ServerHttp2Stream, call: GrpcCall): void {
  (stream as EdgeStream)[CALL] = call;
}

/**
 * The call of a grpc-js server call. grpc-js keeps the HTTP/2 stream in two private fields and offers
 * no public way from a handler to it; an interceptor for every call would be the alternative and
 * costs several objects a call. The version of grpc-js is pinned because of this line.
 */
export function callOf(serverCall: object): GrpcCall {
  const found = streamOf(serverCall)[CALL];
  if (!found) throw new TypeError('This gRPC call did not come through the edge');
  return found;
}

/** Whether the client is gone, where grpc-js ends the messages of a client stream as if they were all. */
export function isGone(serverCall: object): boolean {
  const { closed, destroyed } = streamOf(serverCall);
  return closed || destroyed;
}

/** Resets the stream of a grpc-js server call, also when its answer is on the way and nobody reads it. */
export function cutCall(serverCall: object): void {
  streamOf(serverCall).close(constants.NGHTTP2_CANCEL);
}

/**
 * Closes the stream of a call that is answered now, whatever its client does: one that takes its answer ends the stream
 * at once; one that neither ends its request nor reads would keep it.
 * @param isForced also where not all of the answer is out
 */
export function closeInTime(stream: ServerHttp2Stream, isForced = true): void {
  if (stream.closed || stream.destroyed) return;
  setTimeout(() => {
    if (stream.sentTrailers || stream.writableFinished) stream.close();
    else if (isForced) stream.close(constants.NGHTTP2_CANCEL);
  }, PARTING_MS).unref();
}

/** The same for one that has its whole answer now, if its client has not ended the request: it might never do so. */
export function closeUnended(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded) closeInTime(stream);
}

/** Whether the request of a grpc-js server call has ended in the middle of a message, which grpc-js passes over. */
export function endsAmidMessage(serverCall: object): boolean {
  return decoderOf(serverCall).readState !== 0;
}

/** Whether the one message of a grpc-js server call has a flag that there is none of, which grpc-js takes for 0. */
export function hasUnknownFlag(serverCall: object): boolean {
  return isUnknown(decoderOf(serverCall).readCompressFlag);
}

/** The same for the messages that a grpc-js server call is still to read: the first such one ends it. */
export function refuseUnknownFlags(serverCall: object): void {
  const decoder = decoderOf(serverCall);
  const write = decoder.write.bind(decoder);
  decoder.write = (bytes) => {
    const messages = write(bytes);
    if (messages.some(isUnknown)) throw new Error(UNKNOWN_FLAG);
    return messages;
  };
}

/** @param message the bytes of one, from its flag on */
function isUnknown(message: Buffer): boolean {
  return message[0] !== undefined && message[0] > 1;
}

function decoderOf(serverCall: object): Decoder {
  return (serverCall as { call: { decoder: Decoder } }).call.decoder;
}

/** The HTTP/2 stream of a grpc-js server call. */
export function streamOf(serverCall: object): EdgeStream {
  return (serverCall as { call: { stream: EdgeStream } }).call.stream;
}
