import { Server as HttpServer, type ServerOptions, type ServerResponse } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { FastifyServerFactory } from 'fastify';
import { connectionTimes } from '../baseline/index.js';
import type { Config } from '../config/index.js';
import { keepStreamsYoung } from '../streams/index.js';
import type { ServerTls } from '../tls/index.js';

/** Requests at a time on one connection; RFC 9113, section 6.5.2, recommends no fewer than 100. */
const MAX_CONCURRENT_STREAMS = 128;

/** What an HTTP/2 server has besides Node's own HTTP server. */
export interface SecureServer extends HttpServer {
  /** Sends a GOAWAY on every HTTP/2 connection: it ends with the calls under way, later ones go elsewhere. */
  closeSessions(): void;
}

/**
 * HTTP/1.1 and HTTP/2 on one port, chosen by ALPN; a client that knows no ALPN gets HTTP/1.1. For the others the
 * server passes for Node's own HTTP server: `closeAllConnections`, which HTTP/2 servers lack, is added.
 */
export function secureServerFactory(
  tls: ServerTls,
  config: Config,
  Response: typeof ServerResponse,
): FastifyServerFactory {
  return (handler) => {
    const server = createSecureServer(
      {
        ...tls.serverOptions,
        allowHTTP1: true,
        settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS },
        http1Options: { ...http1Options(config), ServerResponse: Response },
      },
      // Fastify's handler takes the requests of either protocol.
      handler as never,
    );
    tls.guard(server, 'http');
    keepStreamsYoung(server);
    const { connectionTimeout } = connectionTimes(config);
    server.on('stream', (stream) => stream.setTimeout(connectionTimeout, cancel));
    return withSessions(server, config.get('HTTP_KEEP_ALIVE_TIMEOUT_MS'));
  };
}

function http1Options(config: Config): ServerOptions {
  const { http, keepAliveTimeout } = connectionTimes(config);
  return {
    ...http,
    keepAliveTimeout,
    maxHeaderSize: config.get('MAX_HEADER_BYTES'),
    requireHostHeader: false,
  };
}

function cancel(this: ServerHttp2Stream): void {
  this.close(constants.NGHTTP2_CANCEL);
}

function withSessions(server: Http2SecureServer, idleMs: number): SecureServer {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    // Node's own would cut the calls of the connection: each of them has its time.
    session.removeAllListeners('timeout');
    session.setTimeout(idleMs, () => session.close());
  });
  const http = server as unknown as HttpServer;
  return Object.assign(http, {
    closeAllConnections: () => {
      HttpServer.prototype.closeAllConnections.call(http);
      for (const session of sessions) session.destroy();
    },
    closeSessions: () => {
      for (const session of sessions) session.close();
    },
  });
}
