import { Metadata } from '@grpc/grpc-js';
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { isObservable } from 'rxjs';
import { REQUEST_ID_HEADER, runInCall, type GrpcCall } from '../context/index.js';
import { closeInTime, closeUnended } from './call-link.js';
import {
  compressedWithout,
  messageTooLarge,
  noMessage,
  severalMessages,
  unknownFlag,
} from './edge-errors.js';
import { firstOf, invokeWith, type Invoke, type ToStatus } from './grpc.handlers.js';
import { RequestMetadata } from './request-metadata.js';
import { serializePooled } from './write-buffer.js';

/** Before each message: whether it is compressed, and its length. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const PREFIX_BYTES = 5;
export const CONTENT_TYPE = 'application/grpc+proto';
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const OK_TRAILERS = { 'grpc-status': 0 };

/** What answers the calls of one method. */
export interface UnaryMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly invoke: Invoke;
  readonly toStatus: ToStatus;
  readonly deserialize: (bytes: Buffer) => unknown;
  readonly serialize: (value: unknown) => Uint8Array;
  /** Of the request's message. */
  readonly maxMessageBytes: number;
}

/**
 * One message in, one message out, straight from the call's HTTP/2 stream. grpc-js serves every other shape of call,
 * and requests with an encoding: what it does for those costs a unary call a quarter of its time.
 */
export class UnaryCall {
  /** For guards and interceptors that look at it; most do not. */
  readonly metadata: Metadata;
  #body: Buffer | undefined;
  /** Of a request that comes in pieces. */
  #pieces: Buffer[] | undefined;
  #bytes = 0;
  /** Of prefix and message; known from the prefix on. */
  #wanted = Infinity;

  constructor(
    private readonly method: UnaryMethod,
    private readonly stream: ServerHttp2Stream,
    private readonly call: GrpcCall,
    headers: IncomingHttpHeaders,
  ) {
    this.metadata = new RequestMetadata(headers);
  }

  /** Reads the request, and answers it. */
  begin(): void {
    const { call, stream } = this;
    call.whenAborted((reason) => this.#abort(reason));
    stream.on('data', (piece: Buffer) => this.#take(piece));
    stream.on('end', () => this.#run());
  }

  /** The client has left, or the deadline is over. */
  get cancelled(): boolean {
    return this.call.abortReason !== undefined;
  }

  getPath(): string {
    return this.method.path;
  }

  /** Address and port of the connection; `currentCall().clientIp` is the caller's, behind trusted proxies, too. */
  getPeer(): string {
    const { remoteAddress, remotePort } = this.stream.session?.socket ?? {};
    return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`;
  }

  /** Epoch milliseconds; `Infinity` without one. */
  getDeadline(): number {
    return this.call.deadline;
  }

  #take(piece: Buffer): void {
    if (this.call.isAnswered) return;
    this.#bytes += piece.length;
    if (this.#body === undefined) this.#body = piece;
    else (this.#pieces ??= [this.#body]).push(piece);
    if (this.#wanted === Infinity && this.#bytes >= PREFIX_BYTES) {
      const prefix = this.#joined();
      const length = prefix.readUInt32BE(1);
      const { maxMessageBytes } = this.method;
      if (prefix[0] !== 0) this.#fail(prefix[0] === 1 ? compressedWithout() : unknownFlag());
      else if (length > maxMessageBytes)
        this.#fail(
          messageTooLarge(`The message has ${length} bytes; this service accepts ${maxMessageBytes}`),
        );
      this.#wanted = PREFIX_BYTES + length;
    }
    if (this.#bytes > this.#wanted) this.#fail(severalMessages());
  }

  #joined(): Buffer {
    if (this.#pieces) {
      this.#body = Buffer.concat(this.#pieces);
      this.#pieces = undefined;
    }
    return this.#body as Buffer;
  }

  /** The request is complete. */
  #run(): void {
    const { call } = this;
    if (call.isAnswered) return;
    if (this.#bytes !== this.#wanted) this.#fail(noMessage());
    else runInCall(call, this.#handle);
  }

  readonly #handle = (): void => {
    const { call, method } = this;
    try {
      call.messagesIn = 1;
      const message = method.deserialize(this.#joined().subarray(PREFIX_BYTES));
      invokeWith(method.invoke, message, this, call).then(this.#succeed, this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  };

  readonly #succeed = (result: unknown): void => {
    if (isObservable(result)) {
      firstOf(result, this.call).then(this.#succeed, this.#fail);
      return;
    }
    if (this.#isOver()) return;
    let message: Uint8Array;
    try {
      message = serializePooled(this.method.serialize, result);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX_BYTES);
    this.call.messagesOut = 1;
    this.#answer(OK_TRAILERS, frame);
  };

  readonly #fail = (thrown: unknown): void => {
    if (this.#isOver()) return;
    const { code, details, metadata } = this.method.toStatus(thrown, this.call);
    this.#answer({ ...metadata.toHttp2Headers(), 'grpc-status': code, 'grpc-message': encodeURI(details) });
  };

  #isOver(): boolean {
    return this.call.isAnswered || this.stream.destroyed || this.stream.closed;
  }

  #answer(trailers: Record<string, unknown>, frame?: Buffer): void {
    const { call, stream } = this;
    call.isAnswered = true;
    call.hasSentMetadata = true;
    stream.respond(headersOf(call), WITH_TRAILERS);
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers as never);
      closeUnended(stream);
    });
    stream.end(frame);
  }

  #abort(reason: Error): void {
    // The answer is there, but the client does not take it: its deadline holds for that, too.
    if (this.call.isAnswered) this.stream.close(constants.NGHTTP2_CANCEL);
    else {
      closeInTime(this.stream);
      this.#fail(reason);
    }
  }
}

/** As a list of names and values, of which Node makes no object, unless something is to win over something else. */
function headersOf({ answerMetadata, requestId }: GrpcCall): OutgoingHttpHeaders | readonly string[] {
  return answerMetadata
    ? { ...answerMetadata, ':status': '200', 'content-type': CONTENT_TYPE, [REQUEST_ID_HEADER]: requestId }
    : [':status', '200', 'content-type', CONTENT_TYPE, REQUEST_ID_HEADER, requestId];
}
