import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Http2Session } from 'node:http2';
import {
  clientIpOf,
  dropHopByHop,
  dropSpoofable,
  nearestOf,
  peerOf,
  SecurityHeaders,
  TrustedProxies,
  type Peer,
} from '../baseline/index.js';
import type { Config } from '../config/index.js';
import {
  acceptRequestId,
  currentCall,
  ExpiryQueue,
  HttpCall,
  parseTimeoutMs,
  PRIORITY_HEADER,
  REQUEST_ID_HEADER,
  runInCall,
  TIMEOUT_HEADER,
  type CallObservers,
} from '../context/index.js';
import {
  callCancelled,
  codeOfHttpStatus,
  deadlineExceeded,
  ServiceError,
  statusOf,
  toProblem,
} from '../errors/index.js';
import { declaredFor, type LoadShedding } from '../load-shedding/index.js';
import { clientCertificateOf, type ServerTls } from '../tls/index.js';
import type { Cors } from './cors.js';
import { disturb } from './disturb.js';
import { fromFastify } from './fastify-errors.js';
import { connectionOf, isAnswered, isHttp2, limitArrival, methodOf, whatCloses } from './http2-request.js';
import { lingerAfter } from './linger.js';
import { RequestRules, tooManyPipelined } from './request-rules.js';
import { SecureResponse } from './secure-response.js';
import { stepInAgain } from './step-in.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The call's context, from the first hook on; `currentCall()` gives the same. */
    call: HttpCall;
  }
}

const logger = new Logger('HttpEdge');

/** What a port has that not every port has. */
export interface HttpEdgeParts {
  /** Who connects. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** Asked about every call. @default none is refused for overload */
  readonly shedding?: LoadShedding | undefined;
  /** Which pages may read the answers. @default those of no other origin */
  readonly cors?: Cors | undefined;
}

/**
 * Stands around every request, whatever becomes of it: opens its context before anything else, closes
 * it with the response, and turns every error into the one form of answer.
 */
export class HttpEdge {
  /** Of calls that ask for no shorter time than MAX_DEADLINE_MS. */
  readonly #expiry: ExpiryQueue;
  readonly #readsCertificates: boolean;
  readonly #maxPipelined: number;
  readonly #rules: RequestRules;
  readonly #proxies: TrustedProxies;
  readonly #shedding: LoadShedding | undefined;
  readonly #cors: Cors | undefined;
  /** Those of every answer. */
  readonly security: SecurityHeaders;
  #isClosing = false;

  constructor(
    private readonly config: Config,
    private readonly observers: CallObservers,
    { tls, shedding, cors }: HttpEdgeParts = {},
  ) {
    this.#shedding = shedding;
    this.#cors = cors;
    this.#expiry = new ExpiryQueue(config.get('MAX_DEADLINE_MS'), deadlineExceeded);
    this.#readsCertificates = tls?.asksForCertificates ?? false;
    this.#maxPipelined = config.get('HTTP_MAX_PIPELINED');
    this.#rules = new RequestRules(config);
    this.#proxies = new TrustedProxies(config);
    this.security = new SecurityHeaders(config);
  }

  attach(fastify: FastifyInstance): void {
    fastify.decorateRequest('call');
    fastify.addHook('preClose', (done) => {
      this.stopKeeping();
      done();
    });
    fastify.addHook('onRequest', (request, reply, done) => {
      // Fastify puts it together each time that it is asked.
      const { routeOptions } = request;
      const call = this.#open(request, reply, routeOptions.url);
      const refusal = this.#admit(call, request, reply, routeOptions);
      const allow = this.#cors?.handle;
      if (allow === undefined || (refusal && request.method === 'OPTIONS'))
        this.#begin(request, reply, refusal, done);
      // First of all: a page reads a refusal only when its origin may.
      else allow.call(fastify, request, reply, () => this.#begin(request, reply, refusal, done));
    });
    stepInAgain(fastify);
  }

  /** From now on every connection ends with the answer to its last call, those of calls under way too. */
  stopKeeping(): void {
    this.#isClosing = true;
    for (const call of this.observers.open) {
      if (call.transport === 'http' && call.response?.headersSent === false) this.#endWith(call.response);
    }
  }

  /** Where more calls wait, `#close` ends the connection. */
  #endWith(response: FastifyReply['raw']): void {
    if (!isHttp2(response.req)) this.#peerOf(response.req).endWith(response);
  }

  /** Fastify's error handler: the one place where an error becomes an HTTP answer. */
  readonly answerError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    if (reply.sent) return;
    const error = fromFastify(thrown);
    // The router refuses a malformed URL before any hook has run: then there is no call yet.
    const call = (request.call as HttpCall | undefined) ?? this.#openLate(request, reply);
    call.error = error;
    call.code = error.code;
    if (error.code === 'INTERNAL') runInCall(call, () => logger.error({ err: error.cause }, 'call failed'));
    if (error.retryAfterMs !== undefined)
      void reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
    // Fastify would close the connection for any fault of a body; one that was read leaves nothing behind, and
    // HTTP/2 resets the stream.
    if (request.raw.complete || isHttp2(request.raw)) void reply.removeHeader('connection');
    else lingerAfter(request.raw);
    if (error.headers) void reply.headers(error.headers);
    const traceId = call.span?.spanContext().traceId;
    void reply
      .code(statusOf(error))
      .header('content-type', 'application/problem+json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(
        toProblem(error, {
          instance: request.url.split('?', 1)[0] ?? '/',
          requestId: call.requestId,
          ...(traceId !== undefined && { traceId }),
        }),
      );
  };

  /** Gives the call its deadline. Returns what it is refused with, if it is. */
  #admit(
    call: HttpCall,
    request: FastifyRequest,
    reply: FastifyReply,
    route: FastifyRequest['routeOptions'],
  ): ServiceError | undefined {
    const fault = this.#faultOf(request);
    if (fault) {
      // What follows on the connection may be part of what was not understood.
      reply.raw.shouldKeepAlive = false;
      return fault;
    }
    const overload = this.#shedding?.admit(call, declaredFor(route), call.headers[PRIORITY_HEADER]);
    if (overload) return overload;
    const header = call.headers[TIMEOUT_HEADER];
    const timeoutMs = header === undefined ? Infinity : timeoutOf(header);
    if (!timeoutMs) return timeoutMs === 0 ? deadlineExceeded() : malformedTimeout();
    call.whenAborted((reason) => answerAbort(reply, reason));
    if (timeoutMs >= this.#expiry.timeoutMs) call.expireIn(this.#expiry);
    else call.expireAfter(timeoutMs, deadlineExceeded);
    return undefined;
  }

  #begin(
    request: FastifyRequest,
    reply: FastifyReply,
    refusal: ServiceError | undefined,
    done: (error?: Error) => void,
  ): void {
    if (refusal) return done(refusal);
    const { call } = request;
    const disturbance = this.observers.interference.ofCall?.(call, request.raw.headers);
    if (disturbance) disturb(disturbance, call, reply, done);
    else runInCall(call, done);
  }

  #openLate(request: FastifyRequest, reply: FastifyReply): HttpCall {
    const url = request.is404 ? undefined : request.routeOptions.url;
    const call = this.#open(request, reply, url);
    if (request.method !== 'OPTIONS')
      this.#cors?.handle?.call(request.server, request, reply, () => undefined);
    return call;
  }

  #open(request: FastifyRequest, reply: FastifyReply, route: string | undefined): HttpCall {
    const { raw } = request;
    const { headers } = raw;
    const call = new HttpCall(acceptRequestId(headers[REQUEST_ID_HEADER]), methodOf(raw), raw.url ?? '/');
    call.settings = this.config.settings;
    request.call = call;
    if (route !== undefined) call.route = route;
    this.#identify(call, request, reply);
    if (this.#readsCertificates) call.clientCertificate = clientCertificateOf(connectionOf(raw));
    call.headers = headers;
    call.userAgent = headers['user-agent'];
    call.response = reply.raw;
    if (this.#isClosing) this.#endWith(reply.raw);
    void reply.header(REQUEST_ID_HEADER, call.requestId);
    whatCloses(reply.raw).on('close', () => this.#close(call, reply));
    limitArrival(raw, call, this.config);
    this.observers.opened(call, headers);
    return call;
  }

  /** Who calls, as far as the connection and those proxies say that may. Nobody behind reads what others say. */
  #identify(call: HttpCall, { raw }: FastifyRequest, reply: FastifyReply): void {
    const { headers } = raw;
    const peer = this.#peerOf(raw);
    if (!isHttp2(raw)) peer.openCalls += 1;
    call.isFirst = peer.takesFirst();
    call.clientIp = peer.isTrusted ? clientIpOf(headers['x-forwarded-for'], peer, this.#proxies) : peer.ip;
    call.isSecure = peer.isTls || (peer.isTrusted && nearestOf(headers['x-forwarded-proto']) === 'https');
    call.host =
      (peer.isTrusted ? nearestOf(headers['x-forwarded-host']) : undefined) ??
      headers.host ??
      (headers[':authority'] as string | undefined);
    dropSpoofable(headers, peer.isTrusted);
    dropHopByHop(headers);
    if (reply.raw instanceof SecureResponse) reply.raw.isSecure = call.isSecure;
    else for (const [name, value] of this.security.fields(call.isSecure)) void reply.header(name, value);
  }

  #peerOf(raw: FastifyRequest['raw']): Peer {
    return peerOf(connectionOf(raw), isHttp2(raw) ? socketOf : itself, this.#proxies);
  }

  #faultOf({ raw }: FastifyRequest): ServiceError | undefined {
    // HTTP/2 answers in any order and has a limit of its own.
    if (!isHttp2(raw) && this.#peerOf(raw).openCalls > this.#maxPipelined)
      return tooManyPipelined(this.#maxPipelined);
    return this.#rules.check(raw);
  }

  #close(call: HttpCall, { raw }: FastifyReply): void {
    call.close();
    call.response = undefined;
    const peer = isHttp2(raw.req) ? undefined : this.#peerOf(raw.req);
    if (peer) peer.openCalls -= 1;
    if (isAnswered(raw)) {
      // An event stream that failed amid its events has one already.
      call.status ||= raw.statusCode;
      if (call.status >= 400 && call.code === 'OK') call.code = codeOfHttpStatus(call.status);
    } else {
      // All of it was there to be read.
      if (raw.writableEnded) call.error ??= callCancelled();
      call.status = statusOf(call.abandon());
    }
    if (currentCall() === call) this.observers.closed(call);
    else runInCall(call, () => this.observers.closed(call));
    // An answer that had begun before could not say that its connection ends. HTTP/2 has its GOAWAY.
    if (this.#isClosing && peer?.openCalls === 0) raw.req.socket.end();
  }
}

function itself<T>(value: T): T {
  return value;
}

function socketOf(session: Http2Session): Http2Session['socket'] {
  return session.socket;
}

/** The caller's own time in milliseconds; `undefined` when malformed. */
function timeoutOf(header: string | string[]): number | undefined {
  return typeof header === 'string' ? parseTimeoutMs(header) : undefined;
}

/** A deadline that passed and a shutdown have an answer; a client that left needs none. */
function answerAbort(reply: FastifyReply, reason: Error): void {
  if (reason instanceof ServiceError && reason.code !== 'CANCELLED' && !reply.sent) void reply.send(reason);
}

function malformedTimeout(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_DEADLINE',
    message: `${TIMEOUT_HEADER} must be a whole number of milliseconds with at most 10 digits`,
  });
}
