import { Injectable } from '@nestjs/common';
import { MetricsRegistry } from '../metrics/index.js';
import { PolicyRegistry, type PolicyOptions } from '../resilience/index.js';
import { HttpClient, type HttpClientOptions, type HttpConnections } from './http-client.js';

/** A client and the policy of its name; RESILIENCE_POLICIES may say otherwise while the service runs. */
export interface NamedHttpClientOptions extends HttpClientOptions {
  /** @default none */
  readonly policy?: PolicyOptions;
}

/**
 * Makes HTTP clients, and closes them when the last call has ended.
 *
 * @example
 * ```ts
 * constructor(clients: HttpClients) {
 *   this.payments = clients.create({
 *     name: 'payments',
 *     baseUrl: 'https://payments.example',
 *     policy: { timeoutMs: 500, retry: {}, breaker: {} },
 *   });
 * }
 * ```
 */
@Injectable()
export class HttpClients {
  readonly #clients: HttpClient[] = [];

  constructor(
    metrics: MetricsRegistry,
    private readonly policies: PolicyRegistry,
  ) {
    metrics.gauge({
      name: 'http_client_connections',
      help: 'Connections to other services by client: active ones carry a request, idle ones wait for one.',
      labels: ['client', 'state'],
      acrossWorkers: 'sum',
      collect: (gauge) => {
        for (const [name, { active, idle }] of this.#connections()) {
          gauge.labels(name, 'active').set(active);
          gauge.labels(name, 'idle').set(idle);
        }
      },
    });
    metrics.gauge({
      name: 'http_client_connections_pending_requests',
      help: 'Requests to other services that wait for a connection, because all of the client are active.',
      labels: ['client'],
      acrossWorkers: 'sum',
      collect: (gauge) => {
        for (const [name, { waiting }] of this.#connections()) gauge.labels(name).set(waiting);
      },
    });
  }

  /** @throws {TypeError} for options that are not valid, {StartError} for TLS files that are not */
  create({ policy = {}, ...options }: NamedHttpClientOptions): HttpClient {
    const client = new HttpClient(options, this.policies.define(options.name, policy));
    this.#clients.push(client);
    return client;
  }

  /** Waits for the requests that are open. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Several clients of one name count as one. */
  #connections(): Map<string, HttpConnections> {
    const all = new Map<string, HttpConnections>();
    for (const { name, connections } of this.#clients) {
      const { active = 0, idle = 0, waiting = 0 } = all.get(name) ?? {};
      all.set(name, {
        active: active + connections.active,
        idle: idle + connections.idle,
        waiting: waiting + connections.waiting,
      });
    }
    return all;
  }
}
