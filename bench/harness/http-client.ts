import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { napBefore, stayAwake, type Load, type LoadClient } from './load.ts';

const READ_BYTES = 64 * 1024;
const DIGIT_ZERO = 48;
const HEADERS_END = Buffer.from('\r\n\r\n');

export interface HttpClientOptions {
  readonly port: number;
  /** Whole requests as they go over the wire; sent in turn. */
  readonly requests: readonly Buffer[];
  readonly expectedStatus: number;
  /** @default 32 */
  readonly connections?: number;
}

interface Connection {
  readonly socket: Socket;
  /** Bytes of an answer that has not all come. */
  partial: Buffer | undefined;
  /** When the request in flight was to be sent, in milliseconds. */
  dueAt: number;
}

/** HTTP/1.1 over raw keep-alive sockets, one request in flight on each: costs a fraction of any server. */
export class HttpClient implements LoadClient {
  readonly #options: HttpClientOptions;
  #connections: Connection[] = [];
  #next = 0;
  #onAnswer: (connection: Connection) => void = () => {};
  #onFault: (error: Error) => void = () => {};

  private constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  static async open(options: HttpClientOptions): Promise<HttpClient> {
    const client = new HttpClient(options);
    for (let count = options.connections ?? 32; count > 0; count--) await client.#connect();
    return client;
  }

  async run(until: { readonly ms: number } | { readonly calls: number }): Promise<Load> {
    await this.#reopen();
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
    for (const connection of this.#connections) if (sent < limit) send(connection);
    stayAwake(promise);
    return await promise;
  }

  /**
   * Sends at a fixed rate whether answers have come or not, and counts each latency from the moment
   * its request was due, so that a stall is felt by every call that would have been made meanwhile.
   * @returns latencies in milliseconds
   */
  async runAtRate(callsPerSecond: number, ms: number): Promise<number[]> {
    await this.#reopen();
    const { promise, resolve, reject } = Promise.withResolvers<number[]>();
    const latencies: number[] = [];
    const idle = [...this.#connections];
    const total = Math.floor((callsPerSecond * ms) / 1000);
    const gap = 1000 / callsPerSecond;
    const begin = performance.now();
    let sent = 0;
    this.#onFault = reject;
    this.#onAnswer = (connection) => {
      latencies.push(performance.now() - connection.dueAt);
      idle.push(connection);
    };
    const tick = (): void => {
      const now = performance.now();
      while (sent < total && begin + sent * gap <= now) {
        const connection = idle.pop();
        if (!connection) break;
        connection.dueAt = begin + sent * gap;
        sent++;
        this.#send(connection);
      }
      if (latencies.length === total) return resolve(latencies);
      // The collector works on this core, too: it would take its turns from one that never sleeps.
      napBefore(begin + sent * gap);
      setImmediate(tick);
    };
    tick();
    return await promise;
  }

  close(): void {
    this.#onFault = () => {};
    for (const { socket } of this.#connections) socket.destroy();
  }

  #send(connection: Connection): void {
    const { requests } = this.#options;
    const request = requests[this.#next++ % requests.length];
    if (request) connection.socket.write(request);
  }

  /** A target closes what was idle for too long, 5 seconds with Node's default: no request waits for such a one. */
  async #reopen(): Promise<void> {
    const wanted = this.#connections.length;
    this.#connections = this.#connections.filter(({ socket }) => !socket.destroyed);
    while (this.#connections.length < wanted) await this.#connect();
  }

  async #connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (length: number, buffer: Uint8Array): boolean => {
        this.#read(connection, buffer as Buffer, length);
        return true;
      },
    };
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true, onread }, resolve);
    const connection: Connection = { socket, partial: undefined, dueAt: 0 };
    socket.on('error', (error) => {
      reject(error);
      this.#onFault(error);
    });
    socket.on('close', () => this.#onFault(new Error('The target closed a connection')));
    await promise;
    this.#connections.push(connection);
  }

  #read(connection: Connection, buffer: Buffer, length: number): void {
    const fresh = buffer.subarray(0, length);
    const bytes = connection.partial ? Buffer.concat([connection.partial, fresh]) : fresh;
    const end = endOfAnswer(bytes);
    if (end === undefined || bytes.length < end) {
      connection.partial = Buffer.from(bytes);
      return;
    }
    connection.partial = undefined;
    const status = statusOf(bytes);
    if (status !== this.#options.expectedStatus || bytes.length > end) {
      this.#onFault(new Error(`Expected ${this.#options.expectedStatus}, got ${bytes.toString('latin1')}`));
    } else {
      this.#onAnswer(connection);
    }
  }
}

function statusOf(bytes: Buffer): number {
  const digit = (at: number): number => (bytes[at] ?? 0) - DIGIT_ZERO;
  return digit(9) * 100 + digit(10) * 10 + digit(11);
}

/** Bytes of the whole answer, once its headers are there. */
function endOfAnswer(bytes: Buffer): number | undefined {
  const headersEnd = bytes.indexOf(HEADERS_END);
  if (headersEnd < 0) return undefined;
  const headers = bytes.toString('latin1', 0, headersEnd);
  const length = /\r\ncontent-length: (\d+)/i.exec(headers)?.[1];
  if (length === undefined) throw new Error(`Answer without content-length: ${headers}`);
  return headersEnd + HEADERS_END.length + Number(length);
}
