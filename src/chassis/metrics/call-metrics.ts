import { Injectable } from '@nestjs/common';
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { CallObservers, type Call, type CallObserver } from '../context/index.js';
import { HttpMetrics } from './http-metrics.js';
import { MetricsRegistry } from './metrics-registry.js';
import { RpcMetrics } from './rpc-metrics.js';

/** Counts every call of both transports, also the refused ones. */
@Injectable()
export class CallMetrics implements CallObserver {
  readonly #http: HttpMetrics;
  readonly #rpc: RpcMetrics;

  constructor(
    private readonly registry: MetricsRegistry,
    observers: CallObservers,
  ) {
    this.#http = new HttpMetrics(registry);
    this.#rpc = new RpcMetrics(registry, observers.open);
  }

  opened(call: Call): void {
    if (call.transport === 'http') this.#http.opened();
  }

  closed(call: Call): void {
    if (call.transport === 'http') this.#http.closed(call);
    else this.#rpc.closed(call);
  }

  /** Adds `http_server_connections`: HTTP/1.1 answers one request at a time on a connection. */
  watchConnections(server: Server): void {
    const count = promisify(server.getConnections.bind(server));
    this.registry.gauge({
      name: 'http_server_connections',
      help: 'Connections to the REST port: active ones wait for an answer, idle ones do not.',
      labels: ['state'],
      acrossWorkers: 'sum',
      collect: async (gauge) => {
        const open = await count();
        const active = Math.min(open, this.#http.active);
        gauge.labels('active').set(active);
        gauge.labels('idle').set(open - active);
      },
    });
  }
}
