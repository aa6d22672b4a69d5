import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Refusals } from '../audit/index.js';
import { clientIpOf, peerOf, TrustedProxies, type RefusedConnections } from '../baseline/index.js';
import type { Config } from '../config/index.js';
import {
  acceptRequestId,
  ExpiryQueue,
  GrpcCall,
  MAX_TIMER_MS,
  parseGrpcTimeout,
  PRIORITY_HEADER,
  REQUEST_ID_HEADER,
  runInCall,
  UNKNOWN_RPC,
  type CallObservers,
  type Priority,
} from '../context/index.js';
import {
  callCancelled,
  codeOfNumber,
  deadlineExceeded,
  toServiceError,
  type ServiceError,
} from '../errors/index.js';
import type { LoadShedding } from '../load-shedding/index.js';
import { clientCertificateOf, type ServerTls } from '../tls/index.js';
import { breakOff } from './break-off.js';
import { attachCall } from './call-link.js';
import { correctStatus, NO_ENCODING } from './correct-status.js';
import {
  malformedTimeout,
  methodNotAllowed,
  unknownMethod,
  unsupportedEncoding,
  unsupportedMediaType,
} from './edge-errors.js';
import { MetadataRules } from './metadata-rules.js';
import { StreamResets } from './stream-resets.js';
import { toStatusFields } from './status.js';
import { CONTENT_TYPE, UnaryCall, type UnaryMethod } from './unary-call.js';

const TIMEOUT_HEADER = 'grpc-timeout';
/** Not gRPC-Web, which is another protocol. Source: gRPC over HTTP/2, "Content-Type". */
const GRPC = /^application\/grpc(?:$|[+;])/;
/** What grpc-js reads, as it tells it. */
const ACCEPTED_ENCODINGS = 'identity,deflate,gzip';
const ENCODINGS = new Set(ACCEPTED_ENCODINGS.split(','));

/** What the edge has to know of a method before its handler runs. */
export interface EdgeMethod {
  /** Full name of its service. */
  readonly service: string;
  /** Its own name. */
  readonly name: string;
  /** Neither side streams: the server's maximum deadline holds. */
  readonly isUnary: boolean;
  /** The request is a stream, the answer one message. */
  readonly isClientStream: boolean;
  /** What `@Priority` says of it. */
  readonly priority: Priority | undefined;
  /** Records the calls that were answered before its handler; `undefined` = it is not audited. */
  readonly refusals: Refusals | undefined;
  /** Answers its calls without grpc-js, where neither side streams. */
  readonly unary: UnaryMethod | undefined;
}

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

/**
 * Stands before grpc-js on its own HTTP/2 server and sees every call, also those that grpc-js would
 * answer by itself: unknown methods, malformed or overlong deadlines. Opens the call's context, owns
 * its deadline and closes it with the stream.
 */
export class GrpcEdge {
  readonly #domain: string;
  /** Of unary calls that ask for no shorter time than MAX_DEADLINE_MS. */
  readonly #expiry: ExpiryQueue;
  readonly #rules: MetadataRules;
  readonly #proxies: TrustedProxies;
  readonly #resets: StreamResets;
  readonly #readsCertificates: boolean;

  constructor(
    private readonly config: Config,
    private readonly methods: ReadonlyMap<string, EdgeMethod>,
    /** Paths that grpc-js services of others have registered, such as health and reflection. */
    private readonly isForeign: (path: string) => boolean,
    private readonly observers: CallObservers,
    refused: RefusedConnections,
    tls?: ServerTls,
    /** Asked about every call of the features; `undefined` = none is refused for overload. */
    private readonly shedding?: LoadShedding,
  ) {
    this.#domain = config.get('SERVICE_NAME');
    this.#expiry = new ExpiryQueue(config.get('MAX_DEADLINE_MS'), deadlineExceeded);
    this.#rules = new MetadataRules(config);
    this.#proxies = new TrustedProxies(config);
    this.#resets = new StreamResets(config, refused);
    this.#readsCertificates = tls?.asksForCertificates ?? false;
  }

  /** Puts itself before the listener that grpc-js has set on its server. */
  attach(server: Http2Server): void {
    const deliverTo = server.listeners('stream') as unknown as StreamListener[];
    const open: StreamListener = (stream, headers, flags, rawHeaders) => {
      if (!this.#open(stream, headers, rawHeaders)) return;
      // Of its own: the call goes on with what its client has sent.
      const known = isPlain(headers) ? { ...headers, 'grpc-encoding': NO_ENCODING } : headers;
      for (const deliver of deliverTo) deliver(stream, known, flags, rawHeaders);
    };
    server.removeAllListeners('stream');
    server.on('stream', open as never);
  }

  /** True when the call may go on to grpc-js. */
  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean {
    const path = headers[':path'] ?? '';
    const method = this.methods.get(path);
    const { service, name } = method ?? this.#nameForeign(path);
    const call = new GrpcCall(acceptRequestId(headers[REQUEST_ID_HEADER]), service, name);
    call.settings = this.config.settings;
    call.isStream = method?.isUnary === false;
    call.headers = headers;
    const metadataFault = this.#identify(stream, call, headers, rawHeaders);
    const { session } = stream;
    stream.on('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && !call.isCut) this.#resets.count(session);
      this.#close(stream, call, method?.refusals);
    });
    // The client is gone; the stream's close ends the call.
    stream.on('error', ignore);
    this.observers.opened(call, headers);
    if (headers[':method'] !== 'POST') {
      call.error = methodNotAllowed();
      refuseMethod(stream);
      return false;
    }
    if (!GRPC.test(headers['content-type'] ?? '')) {
      call.error = unsupportedMediaType();
      stream.respond({ ':status': 415 }, { endStream: true });
      return false;
    }
    const fault = this.#refuse(call, method, headers, metadataFault);
    if (fault) {
      this.#answer(stream, call, fault);
      return false;
    }
    if (method) this.#disturb(stream, call, headers, method);
    else cutOnAbort(call, stream);
    if (method?.unary && isPlain(headers) && !call.disturbance?.cut) {
      new UnaryCall(method.unary, stream, call, headers).begin();
      return false;
    }
    attachCall(stream, call);
    // A reset with NO_ERROR closes a stream only when its request has been read.
    if (call.isStream) stream.once('aborted', () => abandonReset(stream, call));
    // Until its handler runs, which for one request is when that is complete.
    if (method) call.whenAborted((reason) => this.#answerEarly(stream, call, reason));
    correctStatus(stream, call, this.#domain);
    return true;
  }

  #answerEarly(stream: ServerHttp2Stream, call: GrpcCall, reason: Error): void {
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    this.#answer(stream, call, toServiceError(reason));
    // grpc-js answers no stream that is closed.
    stream.close();
  }

  /** What is to be done on purpose; the handler waits, or fails, before it begins. */
  #disturb(
    stream: ServerHttp2Stream,
    call: GrpcCall,
    headers: IncomingHttpHeaders,
    { isClientStream }: EdgeMethod,
  ): void {
    const disturbance = this.observers.interference.ofCall?.(call, headers);
    if (!disturbance) return;
    call.disturbance = disturbance;
    if (disturbance.cut) breakOff(stream, call, disturbance.cut, isClientStream);
  }

  #nameForeign(path: string): { service: string; name: string } {
    if (!this.isForeign(path)) return { service: UNKNOWN_RPC, name: UNKNOWN_RPC };
    const [, service = UNKNOWN_RPC, name = UNKNOWN_RPC] = path.split('/');
    return { service, name };
  }

  #close(stream: ServerHttp2Stream, call: GrpcCall, refusals: Refusals | undefined): void {
    call.close();
    const status = statusOf(stream);
    if (status === undefined) call.abandon();
    else {
      call.code = codeOfNumber(status);
      if (!call.isAnswered) call.abort(call.error ?? callCancelled());
      refusals?.recordAnswered(call);
    }
    runInCall(call, () => this.observers.closed(call));
  }

  /** Who calls, as far as the connection and those proxies say that may; and what is wrong with the metadata. */
  #identify(
    { session }: ServerHttp2Stream,
    call: GrpcCall,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ): ServiceError | undefined {
    const peer = session && peerOf(session, socketOf, this.#proxies);
    if (peer) {
      call.isFirst = peer.takesFirst();
      call.clientIp = peer.isTrusted ? clientIpOf(headers['x-forwarded-for'], peer, this.#proxies) : peer.ip;
    }
    if (this.#readsCertificates) call.clientCertificate = clientCertificateOf(session);
    return this.#rules.apply(headers, rawHeaders, peer?.isTrusted === true);
  }

  #refuse(
    call: GrpcCall,
    method: EdgeMethod | undefined,
    headers: IncomingHttpHeaders,
    metadataFault: ServiceError | undefined,
  ): ServiceError | undefined {
    if (metadataFault) return metadataFault;
    if (!method && !this.isForeign(headers[':path'] ?? '')) return unknownMethod();
    if (!isPlain(headers)) {
      const encoding = String(headers['grpc-encoding']);
      if (!ENCODINGS.has(encoding)) return unsupportedEncoding(encoding);
    }
    const overload = method && this.shedding?.admit(call, method.priority, headers[PRIORITY_HEADER]);
    if (overload) return overload;
    const header = headers[TIMEOUT_HEADER];
    const timeoutMs = header === undefined ? Infinity : parseGrpcTimeout(String(header));
    if (!timeoutMs) return timeoutMs === 0 ? deadlineExceeded() : malformedTimeout();
    // From here the deadline is the call's own: grpc-js would overflow on long ones, those of a health watch also.
    if (method || timeoutMs > MAX_TIMER_MS) delete headers[TIMEOUT_HEADER];
    if (method) {
      if (method.isUnary && timeoutMs >= this.#expiry.timeoutMs) call.expireIn(this.#expiry);
      else call.expireAfter(timeoutMs, deadlineExceeded);
    }
    return undefined;
  }

  #answer(stream: ServerHttp2Stream, call: GrpcCall, error: ServiceError): void {
    call.error = error;
    stream.respond(
      {
        ':status': 200,
        'content-type': CONTENT_TYPE,
        // As in every answer of grpc-js, since a refused encoding needs it.
        'grpc-accept-encoding': ACCEPTED_ENCODINGS,
        ...toStatusFields(error, this.#domain),
        [REQUEST_ID_HEADER]: call.requestId,
      },
      { endStream: true },
    );
  }
}

/** Its messages are not compressed. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding'];
  return !encoding || encoding === 'identity';
}

/** The gRPC status that was sent, `undefined` when the stream ended without one. */
function statusOf({ sentTrailers, sentHeaders }: ServerHttp2Stream): number | undefined {
  const status = sentTrailers?.['grpc-status'] ?? sentHeaders?.['grpc-status'];
  return status === undefined ? undefined : Number(status);
}

/** grpc-js would run the call whatever the method, and a HEAD has no trailers that could tell how it ended. */
function refuseMethod(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 405, allow: 'POST' }, { endStream: true });
}

function ignore(): void {}

/** Its client has left, whatever it says. */
function abandonReset({ sentTrailers }: ServerHttp2Stream, call: GrpcCall): void {
  if (!sentTrailers && !call.isAnswered) call.abandon();
}

/** The client takes a refused stream for UNAVAILABLE. */
function cutOnAbort(call: GrpcCall, stream: ServerHttp2Stream): void {
  call.isForeign = true;
  call.whenAborted(() => stream.close(constants.NGHTTP2_REFUSED_STREAM));
}

function socketOf({ socket }: ServerHttp2Session): ServerHttp2Session['socket'] {
  return socket;
}
