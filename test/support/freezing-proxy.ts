import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands before a TCP server and can stop passing anything on, as a network that swallows packets does. */
export class FreezingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isFrozen = false;

  private constructor(
    server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    this.#server = server.on('connection', (near) => this.#join(near));
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<FreezingProxy> {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FreezingProxy(server, target);
  }

  /** From now on nothing passes on the connections that there are, and none of them ends. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** The same for those to come, too. */
  freezeAll(): void {
    this.#isFrozen = true;
    this.freeze();
  }

  #join(near: Socket): void {
    this.#keep(near);
    if (this.#isFrozen) return;
    const far = this.#keep(connect(this.target.port, this.target.host));
    near.pipe(far);
    far.pipe(near);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on('error', () => socket.destroy());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    return Promise.resolve();
  }
}
