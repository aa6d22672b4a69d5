import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulAgent } from './consul-agent.js';
import { freePort } from './free-ports.js';

/** Consul as the tests use it: the real one where it is on the PATH, otherwise what its documentation says of it. */
export interface Consul {
  readonly url: string;
  /** Whoever reads or writes needs it. */
  readonly token: string;
  put(key: string, value: string | Buffer): Promise<void>;
  delete(key: string): Promise<void>;
  /** As a crash does; it forgets all, and its index begins again. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

const TOKEN = '0f4b2b5e-0000-4000-8000-6d2f6b1c9a11';

export async function startConsul(): Promise<Consul> {
  const isThere = spawnSync('consul', ['version'], { stdio: 'ignore' }).error === undefined;
  const consul = isThere ? await ConsulAgent.create(TOKEN) : new ConsulStandIn(await freePort());
  await consul.start();
  return consul;
}

interface Entry {
  readonly value: Buffer;
  readonly index: number;
}

/**
 * The KV store with blocking queries. Sources: https://developer.hashicorp.com/consul/api-docs/kv,
 * https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
class ConsulStandIn implements Consul {
  readonly url: string;
  readonly token = TOKEN;
  #server: Server | undefined;
  #entries = new Map<string, Entry>();
  #index = 1;
  #changed = Promise.withResolvers<void>();

  constructor(private readonly port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    this.#entries = new Map();
    this.#index = 1;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    this.#server = undefined;
  }

  async put(key: string, value: string | Buffer): Promise<void> {
    this.#index += 1;
    this.#entries.set(key, { value: Buffer.from(value as string), index: this.#index });
    this.#tell();
  }

  async delete(key: string): Promise<void> {
    this.#index += 1;
    this.#entries.delete(key);
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    if (request.headers['x-consul-token'] !== this.token) {
      response.writeHead(403).end('Permission denied');
      return;
    }
    const index = Number(searchParams.get('index') ?? '0');
    const waitMs = Number.parseInt(searchParams.get('wait') ?? '300000ms', 10);
    const limit = sleep(waitMs + Math.random() * (waitMs / 16), 'over' as const, { ref: false });
    // A query waits while nothing is newer than what it knows; any write ends it, also one that does not concern it.
    if (index > 0 && index >= this.#index) await Promise.race([this.#changed.promise, limit]);
    const prefix = decodeURIComponent(pathname.replace('/v1/kv/', ''));
    const found = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    response.setHeader('X-Consul-Index', String(this.#index));
    response.setHeader('Content-Type', 'application/json');
    if (found.length === 0) response.writeHead(404).end();
    else response.end(JSON.stringify(found.map(([key, entry]) => describe(key, entry))));
  }
}

function describe(key: string, { value, index }: Entry): object {
  return {
    LockIndex: 0,
    Key: key,
    Flags: 0,
    Value: value.length === 0 ? null : value.toString('base64'),
    CreateIndex: index,
    ModifyIndex: index,
  };
}
