import type { Server, Socket } from 'node:net';

/**
 * The sockets of a server, those included that it does not end itself: within their TLS handshake, of an HTTP/2
 * session that has ended while the client has not, handed over by Node.
 */
export class OpenSockets {
  readonly #sockets = new Set<Socket>();

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
