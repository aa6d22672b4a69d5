import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { freePort } from '../support/free-ports.js';

/** Answers every request with the same text, until it is stopped: then nobody listens at its address. */
export class StoppableServer {
  readonly #server: Server;

  private constructor(
    readonly port: number,
    text: string,
  ) {
    this.#server = createServer((_request, response) => response.end(text));
  }

  static async start(text: string): Promise<StoppableServer> {
    const server = new StoppableServer(await freePort(), text);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
