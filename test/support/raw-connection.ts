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

  private constructor(address: string) {
    const [host = '', port] = address.split(':');
    this.#socket = connect(Number(port), host);
    this.#socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    this.#socket.on('error', () => {
      // A reset is a close, too.
    });
    this.closed = once(this.#socket, 'close').then(() => performance.now() - this.#openedAt);
  }

  static async open(address: string): Promise<RawConnection> {
    const connection = new RawConnection(address);
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

  destroy(): void {
    this.#socket.destroy();
  }
}
