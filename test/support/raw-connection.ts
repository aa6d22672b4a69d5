import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** A connection on which a test writes what it likes, when it likes. */
export class RawConnection {
  readonly #openedAt = performance.now();
  readonly #socket: Socket;
  #text = '';
  /** When the server has closed it, in milliseconds since it was opened. */
  readonly closed: Promise<number>;

  private constructor(address: string, allowHalfOpen: boolean) {
    const [host = '', port] = address.split(':');
    this.#socket = connect({ port: Number(port), host, allowHalfOpen });
    this.#socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    this.#socket.on('error', () => {
      // A reset is a close, too.
    });
    // `once` would reject at an error.
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => resolve(performance.now() - this.#openedAt));
    });
  }

  /** @param options.allowHalfOpen leaves this side open when the server ends its own. @default false */
  static async open(address: string, { allowHalfOpen = false } = {}): Promise<RawConnection> {
    const connection = new RawConnection(address, allowHalfOpen);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** All that came back so far. */
  get text(): string {
    return this.#text;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  write(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** Sends a request and gives the next piece of what comes back: all of it, when the answer is small. */
  async ask(request: string): Promise<string> {
    const answered = once(this.#socket, 'data');
    this.#socket.write(request);
    return String((await answered)[0]);
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Resolves when all of it is on its way; rejects when the server has reset the connection. */
  send(bytes: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Says that nothing more comes; what is on its way back still arrives. */
  end(): void {
    this.#socket.end();
  }

  /** Closes with a RST, as a client does whose process is killed. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
