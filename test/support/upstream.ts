import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestCertificate } from './certificates.js';

/** Another service over real sockets, which answers as the test says. */
export class Upstream {
  /** Connections that were opened, and requests that came. */
  connections = 0;
  requests = 0;

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
    /** How requests are answered; may be replaced. */
    public answer: RequestListener,
  ) {
    server.on('connection', () => (this.connections += 1));
    server.on('request', (request, response) => {
      this.requests += 1;
      this.answer(request, response);
    });
  }

  static async start(
    answer: RequestListener,
    tls?: TestCertificate & { readonly ca?: string },
  ): Promise<Upstream> {
    const server = tls
      ? createSecureServer({
          ...tls,
          requestCert: tls.ca !== undefined,
          rejectUnauthorized: tls.ca !== undefined,
        })
      : createServer();
    const upstream = new Upstream(server, tls ? 'https' : 'http', answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
