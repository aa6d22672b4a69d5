import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';

export interface RawGrpcOptions {
  readonly headers?: Record<string, string>;
  /** What follows the headers, frames and all; `frame` makes a well-formed one. */
  readonly body?: Buffer;
  /** Sends the body in pieces of so many bytes, each in a packet of its own. */
  readonly pieceBytes?: number;
  /** Keep the request side open after the body. */
  readonly keepOpen?: boolean;
  /** Leave it to the service to close the stream after its answer. */
  readonly isPassive?: boolean;
  /** Cancel what has not ended after so many milliseconds. */
  readonly limitMs?: number;
}

/** What came back, trailers and headers in one. */
export interface RawGrpcAnswer {
  readonly httpStatus: number;
  /** `undefined` when the stream was reset. */
  readonly grpcStatus: number | undefined;
  readonly message: string;
  readonly rstCode: number;
  readonly headers: IncomingHttpHeaders;
  /** Frames as they came. */
  readonly body: Buffer;
  /** The call reached `limitMs`. */
  readonly wasCut: boolean;
}

interface FrameOptions {
  readonly isCompressed?: boolean;
  readonly flag?: number;
  readonly length?: number;
}

/** A length-prefixed gRPC message. */
export function frame(
  message: Uint8Array,
  { isCompressed, flag = isCompressed ? 1 : 0, length = message.length }: FrameOptions = {},
): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

async function sendPieces(stream: ClientHttp2Stream, body: Buffer, pieceBytes: number): Promise<void> {
  for (let at = 0; at < body.length; at += pieceBytes) {
    stream.write(body.subarray(at, at + pieceBytes));
    await sleep(1);
  }
  stream.end();
}

/** A gRPC call below every client library, so that it can be wrong in every way. */
export class RawGrpcClient {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on('error', () => {
      // Each call reports its own failure.
    });
  }

  call(
    path: string,
    { headers = {}, body = Buffer.alloc(0), pieceBytes, keepOpen, isPassive, limitMs }: RawGrpcOptions = {},
  ): Promise<RawGrpcAnswer> {
    return new Promise((resolve) => {
      const stream = this.#session.request(
        { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers },
        { endStream: false },
      );
      let received: IncomingHttpHeaders = {};
      let wasCut = false;
      const chunks: Buffer[] = [];
      const cut = () => {
        wasCut = true;
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const timer = limitMs === undefined ? undefined : setTimeout(cut, limitMs);
      stream.on('response', (head) => (received = { ...received, ...head }));
      stream.on('trailers', (trailers) => (received = { ...received, ...trailers }));
      stream.on('error', () => {
        // `close` follows and tells the reset code.
      });
      stream.on('close', () => {
        clearTimeout(timer);
        const status = received['grpc-status'];
        resolve({
          httpStatus: Number(received[':status'] ?? 0),
          grpcStatus: status === undefined ? undefined : Number(status),
          message: decodeURIComponent(String(received['grpc-message'] ?? '')),
          rstCode: stream.rstCode ?? 0,
          headers: received,
          body: Buffer.concat(chunks),
          wasCut,
        });
      });
      // The answer is complete, whether or not the request is.
      if (!isPassive) stream.on('end', () => stream.close());
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      if (pieceBytes !== undefined) void sendPieces(stream, body, pieceBytes);
      else if (keepOpen) stream.write(body);
      else stream.end(body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
