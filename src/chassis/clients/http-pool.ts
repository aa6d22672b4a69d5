import { createRequire } from 'node:module';
import type * as Undici from 'undici';
import type { buildConnector, Client, Pool } from 'undici';
import { ClientCertificates, type ClientTls } from './client-tls.js';
import { steadyLookup } from './steady-lookup.js';

/** Loaded with the first client: it is a tenth of the time to start, and many services have none. */
const require = createRequire(import.meta.url);
const loadUndici = (): typeof Undici => require('undici') as typeof Undici;

/** How a client's connections are. */
export interface HttpPoolOptions {
  /** Most connections at a time; further requests wait for one. @default 100 */
  readonly maxConnections?: number;
  /**
   * Milliseconds that an unused connection stays open. What the other service says of itself (`Keep-Alive`) wins.
   * @default 4000
   */
  readonly keepAliveMs?: number;
  /**
   * Milliseconds after which a connection takes no further request: a new one goes to where DNS says then.
   * @default 60000
   */
  readonly maxConnectionAgeMs?: number;
  /** Milliseconds to connect, TLS included. @default 3000 */
  readonly connectTimeoutMs?: number;
  /** @default the system's authorities, no certificate of its own */
  readonly tls?: ClientTls;
}

/** Connections of HTTP/1.1 to one origin, one request on each at a time. @throws {StartError} for TLS files */
export function createPool(client: string, origin: string, options: HttpPoolOptions): Pool {
  const { maxConnections = 100, keepAliveMs = 4000, maxConnectionAgeMs = 60_000 } = options;
  const { connectTimeoutMs = 3000, tls } = options;
  const connect = { timeout: connectTimeoutMs, allowH2: false, lookup: steadyLookup(connectTimeoutMs / 3) };
  const { Client, Pool } = loadUndici();
  return new Pool(origin, {
    connections: maxConnections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    clientTtl: maxConnectionAgeMs,
    factory: (url, settings) => keepWhileBusy(new Client(url, settings), maxConnectionAgeMs),
    allowH2: false,
    // The call's deadline ends what is slow; a limit of the parser's own would only hide why.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: tls ? connectorOf(new ClientCertificates(client, tls), connect) : connect,
  });
}

/**
 * undici takes a connection out of the pool by the age that it notes as `ttl`. One with a request has its place until
 * that ends: there would be more than `maxConnections` else.
 */
function keepWhileBusy(client: Client, maxAgeMs: number): Client {
  let since = 0;
  return Object.defineProperty(client, 'ttl', {
    get: () => (Date.now() - since > maxAgeMs && client.stats.size > 0 ? undefined : since),
    set: (nowMs: number) => {
      since = nowMs;
    },
  });
}

function connectorOf(
  certificates: ClientCertificates,
  options: buildConnector.BuildOptions,
): buildConnector.connector {
  const { buildConnector } = loadUndici();
  return (target, callback) =>
    buildConnector({ ...options, secureContext: certificates.read() })(target, callback);
}
