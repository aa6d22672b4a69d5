import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service that another one depends on: a real server that works, fails or hangs, as it is told. */
export class Neighbour implements AsyncDisposable {
  state: 'works' | 'fails' | 'hangs' = 'works';
  /** Questions so far. */
  asked = 0;
  /** Questions that the asker gave up. */
  abandoned = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.asked += 1;
      response.once('close', () => (this.abandoned += response.writableFinished ? 0 : 1));
      if (this.state !== 'hangs') response.writeHead(this.state === 'works' ? 204 : 503).end();
    });
  }

  static async start(): Promise<Neighbour> {
    const neighbour = new Neighbour();
    neighbour.#server.listen(0, '127.0.0.1');
    await once(neighbour.#server, 'listening');
    return neighbour;
  }

  /** Resolves when it works; for `HealthService.addDependency`. */
  async ping({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const { ok, status } = await fetch(`http://127.0.0.1:${port}/`, { signal });
    if (!ok) throw new Error(`the neighbour answered ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
