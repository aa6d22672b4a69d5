import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { stayAwake, type Load, type LoadClient } from './load.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const FRAME_HEADER_BYTES = 9;
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const LARGEST_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
const NO_BYTES = Buffer.alloc(0);

export interface GrpcClientOptions {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Encoded request messages, and values of the authorization header; sent in turn. */
  readonly messages: readonly Uint8Array[];
  readonly authorizations: readonly string[];
  /** @default 4 */
  readonly connections?: number;
  /** @default 16 */
  readonly streamsPerConnection?: number;
}

interface Connection {
  readonly socket: Socket;
  partial: Buffer;
  nextStream: number;
  /** Streams in flight; `true` once a message has come. */
  readonly streams: Map<number, boolean>;
  /** Frames to be sent together once all that was read is handled. */
  outgoing: Buffer[];
}

/**
 * Unary gRPC over raw HTTP/2 frames: what never changes is sent from HPACK's table and answers are
 * told by their frames alone, so that the client costs a fraction of any server. An answer without a
 * message is a failed call.
 */
export class GrpcClient implements LoadClient {
  readonly #options: GrpcClientOptions;
  readonly #connections: Connection[] = [];
  readonly #requests: readonly Buffer[];
  readonly #credentials: readonly Buffer[];
  #next = 0;
  #onAnswer: (connection: Connection) => void = () => {};
  #onFault: (error: Error) => void = () => {};

  private constructor(options: GrpcClientOptions) {
    this.#options = options;
    this.#requests = options.messages.map(prefixed);
    this.#credentials = options.authorizations.map(authorizationField);
  }

  static async open(options: GrpcClientOptions): Promise<GrpcClient> {
    const client = new GrpcClient(options);
    for (let count = options.connections ?? 4; count > 0; count--) await client.#connect();
    return client;
  }

  run(until: { readonly ms: number } | { readonly calls: number }): Promise<Load> {
    const { promise, resolve, reject } = Promise.withResolvers<Load>();
    const begin = performance.now();
    const endAt = 'ms' in until ? begin + until.ms : Infinity;
    const limit = 'calls' in until ? until.calls : Infinity;
    let sent = 0;
    let calls = 0;
    const send = (connection: Connection): void => {
      sent++;
      this.#send(connection);
    };
    this.#onFault = reject;
    this.#onAnswer = (connection) => {
      calls++;
      if (sent < limit && performance.now() < endAt) send(connection);
      else if (calls === sent) resolve({ calls, seconds: (performance.now() - begin) / 1000 });
    };
    for (const connection of this.#connections) {
      const streams = this.#options.streamsPerConnection ?? 16;
      for (let stream = Math.min(streams, limit - sent); stream > 0; stream--) send(connection);
      flush(connection);
    }
    stayAwake(promise);
    return promise;
  }

  close(): void {
    this.#onFault = () => {};
    for (const { socket } of this.#connections) socket.destroy();
  }

  #send(connection: Connection): void {
    const turn = this.#next++;
    const id = connection.nextStream;
    connection.nextStream += 2;
    connection.streams.set(id, false);
    const fields = id === 1 ? firstFields(this.#options) : LATER_FIELDS;
    const credentials = this.#credentials[turn % this.#credentials.length] ?? NO_BYTES;
    const message = this.#requests[turn % this.#requests.length] ?? NO_BYTES;
    connection.outgoing.push(
      frameHeader(fields.length + credentials.length, FRAME.headers, END_HEADERS, id),
      fields,
      credentials,
      frameHeader(message.length, FRAME.data, END_STREAM, id),
      message,
    );
  }

  async #connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true }, resolve);
    const connection: Connection = {
      socket,
      partial: NO_BYTES,
      nextStream: 1,
      streams: new Map(),
      outgoing: [],
    };
    socket.on('error', (error) => {
      reject(error);
      this.#onFault(error);
    });
    socket.on('close', () => this.#onFault(new Error('The target closed a connection')));
    socket.on('data', (chunk: Buffer) => {
      this.#read(connection, chunk);
      flush(connection);
    });
    await promise;
    const window = Buffer.alloc(4);
    window.writeUInt32BE(LARGEST_WINDOW - DEFAULT_WINDOW);
    const settings = frameHeader(0, FRAME.settings, 0, 0);
    socket.write(Buffer.concat([PREFACE, settings, frameHeader(4, FRAME.windowUpdate, 0, 0), window]));
    this.#connections.push(connection);
  }

  #read(connection: Connection, chunk: Buffer): void {
    const bytes = connection.partial.length > 0 ? Buffer.concat([connection.partial, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (bytes.length < end) break;
      this.#readFrame(connection, bytes.subarray(at, end));
      at = end;
    }
    connection.partial = at === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(at));
  }

  #readFrame(connection: Connection, frame: Buffer): void {
    const type = frame[3];
    const flags = frame[4] ?? 0;
    const stream = frame.readUInt32BE(5);
    if (type === FRAME.data) {
      connection.streams.set(stream, true);
    } else if (type === FRAME.headers && flags & END_STREAM) {
      if (!connection.streams.get(stream)) this.#onFault(new Error('A call ended without a message'));
      connection.streams.delete(stream);
      this.#onAnswer(connection);
    } else if (type === FRAME.settings && !(flags & ACK)) {
      connection.outgoing.push(frameHeader(0, FRAME.settings, ACK, 0));
    } else if (type === FRAME.ping && !(flags & ACK)) {
      connection.outgoing.push(frameHeader(8, FRAME.ping, ACK, 0), Buffer.from(frame.subarray(9)));
    } else if (type === FRAME.reset || type === FRAME.goAway) {
      this.#onFault(new Error(`The target ended a stream or connection: ${frame.toString('latin1')}`));
    }
  }
}

function flush(connection: Connection): void {
  if (connection.outgoing.length === 0) return;
  connection.socket.write(Buffer.concat(connection.outgoing));
  connection.outgoing = [];
}

function frameHeader(length: number, type: number, flags: number, stream: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return header;
}

/** A message with gRPC's prefix: not compressed, its length. */
function prefixed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

// HPACK (RFC 7541). Static table: 1 :authority, 3 :method POST, 4 :path, 6 :scheme http,
// 23 authorization, 31 content-type, 58 user-agent.
const POST_OVER_HTTP = [0x83, 0x86];

/** The constant fields, added to the connection's table: later requests name them by index. */
function firstFields({ path, port }: GrpcClientOptions): Buffer {
  return Buffer.concat([
    Buffer.from(POST_OVER_HTTP),
    Buffer.from([0x40 | 4]),
    text(path),
    Buffer.from([0x40 | 1]),
    text(`127.0.0.1:${port}`),
    Buffer.from([0x40 | 31]),
    text('application/grpc'),
    Buffer.from([0x40]),
    text('te'),
    text('trailers'),
    Buffer.from([0x40 | 58]),
    text('bench'),
  ]);
}

/** The same five from the connection's table, which numbers its entries from 62, newest first. */
const LATER_FIELDS = Buffer.from([...POST_OVER_HTTP, ...[66, 65, 64, 63, 62].map((index) => 0x80 | index)]);

/** Never the same twice in a row, so a literal that stays out of the table. */
function authorizationField(value: string): Buffer {
  return Buffer.concat([Buffer.from([0x0f, 23 - 15]), text(value)]);
}

/** A string without Huffman coding. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const length = rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
  return Buffer.concat([Buffer.from(length), bytes]);
}
