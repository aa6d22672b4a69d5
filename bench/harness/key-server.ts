import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The token issuer's key set, for targets that fetch it; the others get the key by their environment. */
export class KeyServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(keySet: string): Promise<KeyServer> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json').end(keySet);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new KeyServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
