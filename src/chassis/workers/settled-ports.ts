import { BoundSocket } from 'node:net';
import type { Config } from '../config/index.js';
import { StartError } from '../errors/primary.js';

const KEYS = ['HTTP_PORT', 'GRPC_PORT'] as const;

/**
 * The real ports for those that are configured as 0: every worker of every generation gets the same. Each
 * is reserved by a socket of the primary's own that is bound and never listens, which leaves it to the workers.
 */
export class SettledPorts {
  readonly #sockets = new Map<string, BoundSocket>();

  /** What has to win over the configuration. @throws {StartError} */
  settle(config: Config): Record<string, number> {
    const host = config.get('HOST');
    const free = KEYS.filter((key) => config.get(key) === 0);
    return Object.fromEntries(free.map((key) => [key, this.#reserve(key, host)]));
  }

  #reserve(key: string, host: string): number {
    const socket = this.#sockets.get(key) ?? open(key, host);
    this.#sockets.set(key, socket);
    return socket.address().port;
  }
}

function open(key: string, host: string): BoundSocket {
  try {
    return new BoundSocket({ host: host === 'localhost' ? '127.0.0.1' : host, port: 0 });
  } catch (error) {
    throw new StartError(`Several workers need a fixed ${key}: no free port could be reserved on ${host}`, {
      cause: error,
    });
  }
}
