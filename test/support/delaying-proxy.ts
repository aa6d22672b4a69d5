import { connect, createServer, type AddressInfo, type Server } from 'node:net';

/** Stands before a server and hands on its answers late. */
export class DelayingProxy {
  readonly #server: Server;
  /** In milliseconds. */
  delayMs = 0;

  constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      client.pipe(upstream);
      upstream.on('data', (data) => setTimeout(() => client.write(data), this.delayMs));
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    });
  }

  /** Returns its port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.close();
  }
}
