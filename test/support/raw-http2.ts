import { connect, type Socket } from 'node:net';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEADER_BYTES = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { endStream: END_STREAM, endHeaders: END_HEADERS } as const;

/** By name, or one after the other, where a name may repeat. */
type HeaderFields = Readonly<Record<string, string>> | readonly (readonly string[])[];

export interface Http2Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** HTTP/2 frame by frame, for a client that does what a well-behaved library would not. */
export class RawHttp2Client {
  /** What has come, in its order. */
  readonly frames: Http2Frame[] = [];
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  #isOpen = true;

  /** @param server its address, or a connection to it where it speaks TLS */
  constructor(server: string | Socket) {
    this.#socket = typeof server === 'string' ? open(server) : server;
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', () => {
      // A server that ends the connection leaves its frames behind.
    });
    this.#socket.on('close', () => (this.#isOpen = false));
    this.#socket.write(PREFACE);
    this.write(http2Frame(FRAME.settings, 0, 0, Buffer.alloc(0)));
  }

  /** A whole request on the stream, which must be odd and higher than those before. */
  request(stream: number, headers: HeaderFields, body: Buffer): void {
    this.write(http2Frame(FRAME.headers, END_HEADERS, stream, headerBlock(headers)));
    this.write(http2Frame(FRAME.data, END_STREAM, stream, body));
  }

  /** Frames as `http2Frame` makes them, or anything else; false when the server has closed. */
  write(bytes: Buffer): boolean {
    if (this.#isOpen) this.#socket.write(bytes);
    return this.#isOpen;
  }

  /** The server has not closed the connection. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The error code of the last GOAWAY, `undefined` when there was none. */
  get goAwayCode(): number | undefined {
    return this.find(FRAME.goAway).at(-1)?.payload.readUInt32BE(4);
  }

  /** Frames of one type, those of one stream when it is given. */
  find(type: number, stream?: number): readonly Http2Frame[] {
    return this.frames.filter((frame) => frame.type === type && (stream ?? frame.stream) === frame.stream);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      this.frames.push({
        type: this.#rest.readUInt8(3),
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(HEADER_BYTES, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function open(address: string): Socket {
  const [host = '', port] = address.split(':');
  return connect(Number(port), host);
}

/** One frame, whatever it says. */
export function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** The header block of these fields, in their order. */
export function headerBlock(headers: HeaderFields): Buffer {
  const fields = Array.isArray(headers) ? headers : Object.entries(headers);
  return Buffer.concat(fields.map(([name = '', value = '']) => literal(name, value)));
}

/** A field that goes into no table; names and values below 127 bytes. Source: RFC 7541, section 6.2.2. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}
