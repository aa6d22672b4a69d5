import { Injectable } from '@nestjs/common';
import { MetricsRegistry } from '../metrics/index.js';
import { PolicyRegistry, type PolicyOptions } from '../resilience/index.js';
import { Tracing } from '../tracing/index.js';
import { GrpcClient, type GrpcClientOptions } from './grpc-client.js';

/** A client and the policy of its name; RESILIENCE_POLICIES may say otherwise while the service runs. */
export interface NamedGrpcClientOptions extends GrpcClientOptions {
  /** @default none */
  readonly policy?: PolicyOptions;
}

/**
 * Makes gRPC clients, and closes them when the last call has ended.
 *
 * @example
 * ```ts
 * constructor(clients: GrpcClients) {
 *   this.bank = clients.create({ name: 'bank', target: 'dns:///bank:50051', policy: { breaker: {} } });
 * }
 * ```
 */
@Injectable()
export class GrpcClients {
  readonly #clients: GrpcClient[] = [];

  constructor(
    private readonly tracing: Tracing,
    private readonly metrics: MetricsRegistry,
    private readonly policies: PolicyRegistry,
  ) {}

  /** @throws {TypeError} for options that are not valid, {StartError} for TLS files that are not */
  create({ policy = {}, ...options }: NamedGrpcClientOptions): GrpcClient {
    const defined = this.policies.define(options.name, policy);
    const client = new GrpcClient(options, this.tracing, this.metrics, defined);
    this.#clients.push(client);
    return client;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
