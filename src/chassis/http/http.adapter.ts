import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fastify as createFastify, type FastifyInstance } from 'fastify';
import { auditRefusedRequests } from '../audit/index.js';
import { connectionTimes, limitConnections, OpenSockets, RefusedConnections } from '../baseline/index.js';
import type { Config } from '../config/index.js';
import type { CallObservers } from '../context/index.js';
import type { LoadShedding } from '../load-shedding/index.js';
import type { ServerTls } from '../tls/index.js';
import { BrokenAnswers, hearOfLateFailures } from './broken-answers.js';
import { answerClientErrors, answerConnect } from './client-error.js';
import { Cors } from './cors.js';
import { endEventStreams } from './event-streams.js';
import { HttpEdge } from './http.edge.js';
import { acceptOnlyJson } from './json.parser.js';
import { NestHooks } from './nest-hooks.js';
import { pickStreamsOnlyWhereAnyAre } from './nest-results.js';
import { createNotFoundHandler } from './not-found.js';
import { createResponseClass } from './secure-response.js';
import { secureServerFactory, type SecureServer } from './secure-server.js';
import { closeStalled } from './stalled-answers.js';
import { stepIn } from './step-in.js';

const CONNECTIONS_POLL_MS = 10;

/**
 * Fastify under Nest, with the chassis' edge around every request. Nest's own not-found and error
 * handlers stay out: what Fastify refuses and what a handler throws get their answer in one place.
 */
export class HttpAdapter extends FastifyAdapter {
  readonly #notFound: ReturnType<typeof createNotFoundHandler>;
  readonly #edge: HttpEdge;
  readonly #observers: CallObservers;
  readonly #nestHooks: NestHooks;
  readonly #sockets: OpenSockets;
  /** Connections that were closed at once. */
  readonly refused: RefusedConnections;

  /** @param shedding refuses calls under overload; default: nobody @param tls encrypts the port; default: plain */
  constructor(config: Config, observers: CallObservers, shedding?: LoadShedding, tls?: ServerTls) {
    const edge = new HttpEdge(config, observers, { tls, shedding, cors: new Cors(config) });
    const fastify = createServer(config, edge, observers, tls);
    edge.attach(fastify);
    const notFound = createNotFoundHandler(fastify);
    const refused = new RefusedConnections();
    limitConnections(fastify.server, config, config.get('HTTP_MAX_CONNECTIONS'), refused);
    const sockets = new OpenSockets();
    sockets.watch(fastify.server);
    shedding?.accepts.http.watch(fastify.server);
    const nestHooks = new NestHooks(fastify);
    super(fastify);
    nestHooks.settle();
    pickStreamsOnlyWhereAnyAre();
    hearOfLateFailures();
    this.#nestHooks = nestHooks;
    this.#sockets = sockets;
    this.refused = refused;
    this.#notFound = notFound;
    this.#edge = edge;
    this.#observers = observers;
  }

  /** Takes no new connection; `close` of the server itself would end the idle ones too. */
  stopListening(): void {
    NetServer.prototype.close.call(this.getHttpServer<Server>());
  }

  /**
   * Takes no new connection; those that are there close with their next answer, and the idle ones at once,
   * or after `lingerMs`: an idle connection may be one whose client is just sending, and that call would fail.
   */
  async stopAccepting(lingerMs = 0): Promise<void> {
    const server = this.getHttpServer<Server & Partial<SecureServer>>();
    this.#edge.stopKeeping();
    // A GOAWAY names the last call taken, so that clients make later ones again elsewhere: no need to linger.
    server.closeSessions?.();
    if (lingerMs > 0) {
      this.stopListening();
      await this.untilNoConnections(lingerMs);
    }
    server.close();
  }

  /** Ends the calls that may last until their deadline: their clients make them again at another instance. */
  endStreams(): void {
    endEventStreams(this.#observers.open);
  }

  /** Waits until every connection has ended, for `limitMs` at most. */
  async untilNoConnections(limitMs: number): Promise<void> {
    const server = this.getHttpServer<Server>();
    const end = performance.now() + limitMs;
    while (performance.now() < end && (await countConnections(server)) > 0) await sleep(CONNECTIONS_POLL_MS);
  }

  /** Ends every connection, whatever is going on there. */
  cutConnections(): void {
    this.getHttpServer<Server>().closeAllConnections();
    this.#sockets.destroy();
  }

  override setNotFoundHandler(): FastifyInstance {
    const fastify = this.getInstance<FastifyInstance>();
    return fastify.setNotFoundHandler({ preValidation: stepIn }, this.#notFound);
  }

  override setErrorHandler(): FastifyInstance {
    return this.getInstance<FastifyInstance>().setErrorHandler(this.#edge.answerError);
  }

  override setOnRequestHook(...parameters: Parameters<FastifyAdapter['setOnRequestHook']>): void {
    this.#nestHooks.runOnRequest();
    super.setOnRequestHook(...parameters);
  }

  override setOnResponseHook(...parameters: Parameters<FastifyAdapter['setOnResponseHook']>): void {
    this.#nestHooks.runOnResponse();
    super.setOnResponseHook(...parameters);
  }

  override enableCors(...parameters: Parameters<FastifyAdapter['enableCors']>): void {
    this.#nestHooks.runOnRequest();
    super.enableCors(...parameters);
  }

  override registerSecurityHook(...parameters: Parameters<FastifyAdapter['registerSecurityHook']>): void {
    this.#nestHooks.runOnRequest();
    super.registerSecurityHook(...parameters);
  }
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => resolve(count));
  });
}

function createServer(
  config: Config,
  edge: HttpEdge,
  observers: CallObservers,
  tls: ServerTls | undefined,
): FastifyInstance {
  const times = connectionTimes(config);
  const ServerResponse = createResponseClass(edge.security);
  const fastify = createFastify({
    ...times,
    // `closeStalled` does it.
    connectionTimeout: 0,
    bodyLimit: config.get('MAX_MESSAGE_BYTES'),
    // Node answers a missing Host header with an empty 400; the edge does it with a problem.
    http: {
      ...times.http,
      maxHeaderSize: config.get('MAX_HEADER_BYTES'),
      requireHostHeader: false,
      ServerResponse,
    },
    // Fastify's own 503 is no problem document; what still arrives on an open connection is served.
    return503OnClosing: false,
    logController: new BrokenAnswers(),
    routerOptions: { maxParamLength: config.get('HTTP_MAX_PATH_PARAMETER_LENGTH') },
    clientErrorHandler: answerClientErrors(observers, edge.security),
    frameworkErrors: edge.answerError,
    ...(tls && { serverFactory: secureServerFactory(tls, config, ServerResponse) }),
  });
  // Node answers 417 without a body to an expectation it does not know. RFC 9110, section 10.1.1: may be ignored.
  fastify.server.on('checkExpectation', (request, response) => {
    fastify.server.emit('request', request, response);
  });
  // What is refused for its headers, such as a body that is too large, has its answer at once: nobody wants the body.
  fastify.server.on('checkContinue', (request, response) => {
    fastify.server.emit('request', request, response);
    if (!response.headersSent) response.writeContinue();
  });
  fastify.server.on('connect', answerConnect(observers, edge.security));
  closeStalled(fastify, observers.open, times.connectionTimeout);
  acceptOnlyJson(fastify, config.get('MAX_JSON_DEPTH'));
  auditRefusedRequests(fastify);
  return fastify;
}
