import {
  Server as GrpcJsServer,
  ServerCredentials,
  type ServerOptions,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { Logger } from '@nestjs/common';
import { Server, Transport, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Http2SecureServer, Http2Server, ServerOptions as Http2ServerOptions } from 'node:http2';
import { Server as NetServer } from 'node:net';
import type { Refusals } from '../audit/index.js';
import { limitConnections, OpenSockets, RefusedConnections } from '../baseline/index.js';
import type { Config } from '../config/index.js';
import { runInCall, type CallObservers, type GrpcCall } from '../context/index.js';
import { formatAddress, shuttingDown, toServiceError } from '../errors/index.js';
import type { LoadShedding } from '../load-shedding/index.js';
import { keepStreamsYoung } from '../streams/index.js';
import type { ServerTls } from '../tls/index.js';
import { GrpcEdge, type EdgeMethod } from './grpc.edge.js';
import { answerMany, answerOnce, reading, type Invoke, type ToStatus } from './grpc.handlers.js';
import { tolerant } from './request-messages.js';
import type { RpcDefinition } from './rpc.decorator.js';
import { toGrpcStatus } from './status.js';
import { TlsCredentials } from './tls-credentials.js';
import { serializePooled, shareWriteBuffer } from './write-buffer.js';

type Definition = RpcDefinition<unknown, unknown, boolean, boolean>;
/** Registers grpc-js services that are no features, such as health; `services` are the features'. */
export type ForeignService = (server: GrpcJsServer, services: readonly string[]) => void;

/**
 * The gRPC half of the hybrid application: Nest hands it every `@Rpc` handler with its guards,
 * interceptors, pipes and filters, it serves them with grpc-js and the static codecs.
 */
export class GrpcServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Transport.GRPC;
  protected override readonly logger = new Logger(GrpcServer.name);
  readonly #methods = new Map<string, EdgeMethod>();
  readonly #server: GrpcJsServer;
  readonly #edge: GrpcEdge;
  readonly #foreign: ForeignService[] = [];
  #refusals: ReadonlyMap<string, Refusals> = new Map();
  /** Connections that were closed, most of them at once. */
  readonly refused = new RefusedConnections();
  #port = 0;
  readonly #sockets = new OpenSockets();
  /** Set once nothing new is accepted; resolves when all connections have ended. */
  #closed: Promise<void> | undefined;

  constructor(
    private readonly config: Config,
    private readonly observers: CallObservers,
    /** Refuses calls under overload; `undefined` = nobody does. */
    private readonly shedding?: LoadShedding,
    /** Encrypts the port; `undefined` = plain. */
    private readonly tls?: ServerTls,
  ) {
    super();
    shareWriteBuffer();
    this.#server = new GrpcJsServer(optionsOf(config));
    const isForeign = (path: string) => this.#handlers.has(path);
    this.#edge = new GrpcEdge(config, this.#methods, isForeign, observers, this.refused, tls, shedding);
    Object.assign(this.#server['commonServerOptions'], http2LimitsOf(config));
    attachEdge(this.#server, (http2Server) => {
      tls?.guard(http2Server as Http2SecureServer, 'grpc');
      this.#edge.attach(http2Server);
      keepStreamsYoung(http2Server);
      limitConnections(http2Server, config, config.get('GRPC_MAX_CONNECTIONS'), this.refused);
      this.#sockets.watch(http2Server);
      this.shedding?.accepts.grpc.watch(http2Server);
    });
  }

  /** The port that was bound; 0 before. */
  get port(): number {
    return this.#port;
  }

  /** Adds grpc-js services that need no guards; before `listen`, which calls `register`. */
  addForeign(register: ForeignService): void {
    this.#foreign.push(register);
  }

  /** What is to be done with refused calls of audited rpcs, by path; before the handlers are added. */
  auditRefusals(refusals: ReadonlyMap<string, Refusals>): void {
    this.#refusals = refusals;
  }

  override addHandler(
    path: string,
    handler: MessageHandler,
    _isEvent?: boolean,
    extras: { definition?: Definition } = {},
  ): void {
    const { definition } = extras;
    if (!definition)
      throw new TypeError(`${path} is no rpc: decorate gRPC handlers with @Rpc(service.method, schema)`);
    if (this.#methods.has(path)) throw new TypeError(`Two handlers serve the rpc ${path}; remove one`);
    const { requestStream, responseStream } = definition;
    const read = reading(handler as Invoke);
    const refusals = this.#refusals.get(path);
    const invoke = refusals?.around(read) ?? read;
    const serialize = definition.responseSerialize;
    const deserialize = tolerant(definition.requestDeserialize);
    const [, service = '', name = ''] = path.split('/');
    const isUnary = !requestStream && !responseStream;
    // grpc-js keeps the time of idle connections by the streams that it has seen.
    const isOurs = isUnary && this.config.get('GRPC_MAX_CONNECTION_IDLE_MS') === 0;
    const maxMessageBytes = this.config.get('MAX_MESSAGE_BYTES');
    const toStatus = this.#toStatus;
    this.#methods.set(path, {
      service,
      name,
      isUnary,
      isClientStream: requestStream && !responseStream,
      priority: this.shedding?.declared.rpcs.get(path),
      refusals,
      unary: isOurs ? { path, invoke, toStatus, serialize, deserialize, maxMessageBytes } : undefined,
    });
    this.#server.register(
      path,
      this.#adapt(definition, invoke),
      this.#loud(path, serialize),
      deserialize,
      requestStream ? (responseStream ? 'bidi' : 'clientStream') : responseStream ? 'serverStream' : 'unary',
    );
  }

  listen(callback: (error?: Error) => void): void {
    const services = [...new Set([...this.#methods.values()].map(({ service }) => service))];
    for (const register of this.#foreign) register(this.#server, services);
    const address = formatAddress(this.config.get('HOST'), this.config.get('GRPC_PORT'));
    const credentials = this.tls ? new TlsCredentials(this.tls) : ServerCredentials.createInsecure();
    this.#server.bindAsync(address, credentials, (error, port) => {
      this.#port = port;
      callback(error ?? undefined);
    });
  }

  /** Takes no new connection; `close` of the HTTP/2 server itself would send a GOAWAY on the others too. */
  stopListening(): void {
    const servers = this.#server['http2Servers'] as ReadonlyMap<Http2Server, unknown>;
    for (const server of servers.keys()) NetServer.prototype.close.call(server);
  }

  /**
   * Takes no new connection and sends a GOAWAY on every open one: calls under way go on, and a client
   * makes those again elsewhere that it had sent too late, since the GOAWAY names the last one taken.
   */
  stopAccepting(): Promise<void> {
    return (this.#closed ??= new Promise((resolve) => this.#server.tryShutdown(() => resolve())));
  }

  /** Ends the calls that may last for days: their clients open them again at another instance. */
  endStreams(): void {
    for (const call of this.observers.open) {
      if (call.transport === 'grpc' && (call.isStream || call.isForeign)) call.abort(shuttingDown());
    }
  }

  /** Nest's way to close: lets calls finish, for SHUTDOWN_GRACE_MS at most. After a drain there are none. */
  async close(): Promise<void> {
    const closed = this.stopAccepting();
    this.endStreams();
    const cut = setTimeout(() => this.cutConnections(), this.config.get('SHUTDOWN_GRACE_MS'));
    await closed;
    clearTimeout(cut);
  }

  /** Ends every connection, whatever is going on there. */
  cutConnections(): void {
    this.#server.forceShutdown();
    this.#sockets.destroy();
  }

  on(): never {
    throw new TypeError('The gRPC server has no events');
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the signature is Nest's
  unwrap<T>(): T {
    return this.#server as T;
  }

  get #handlers(): ReadonlyMap<string, unknown> {
    // grpc-js has no public question "is this path served?".
    return this.#server['handlers'] as ReadonlyMap<string, unknown>;
  }

  #adapt(definition: Definition, invoke: Invoke): UntypedHandleCall {
    const handler = definition.responseStream
      ? answerMany(invoke, this.#toStatus)
      : answerOnce(invoke, this.#toStatus);
    return handler as UntypedHandleCall;
  }

  /** A response that does not fit its message is our fault: grpc-js answers INTERNAL, the log has the reason. */
  #loud(path: string, serialize: (value: unknown) => Buffer): (value: unknown) => Buffer {
    return (value) => {
      try {
        return serializePooled(serialize, value) as Buffer;
      } catch (error) {
        this.logger.error({ err: error, rpc: path }, 'response does not fit its message');
        throw error;
      }
    };
  }

  readonly #toStatus: ToStatus = (thrown: unknown, call: GrpcCall) => {
    const error = toServiceError(thrown);
    // What grpc-js has ended the call for has its line.
    const isKnown = call.error === error;
    // Of a call that was cut on purpose the fault is told, not what its handler makes of the end.
    if (!call.isCut) call.error = error;
    if (error.code === 'INTERNAL' && !isKnown)
      runInCall(call, () => this.logger.error({ err: error.cause }, 'call failed'));
    return toGrpcStatus(error, this.config.get('SERVICE_NAME'));
  };
}

function optionsOf(config: Config): ServerOptions {
  const maxIdleMs = config.get('GRPC_MAX_CONNECTION_IDLE_MS');
  const maxAgeMs = config.get('GRPC_MAX_CONNECTION_AGE_MS');
  return {
    'grpc.max_receive_message_length': config.get('MAX_MESSAGE_BYTES'),
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': config.get('GRPC_KEEPALIVE_TIME_MS'),
    'grpc.keepalive_timeout_ms': config.get('GRPC_KEEPALIVE_TIMEOUT_MS'),
    // grpc-js keeps time only for what it is given.
    ...(maxIdleMs > 0 && { 'grpc.max_connection_idle_ms': maxIdleMs }),
    ...(maxAgeMs > 0 && { 'grpc.max_connection_age_ms': maxAgeMs }),
    'grpc.max_concurrent_streams': config.get('GRPC_MAX_CONCURRENT_STREAMS'),
    'grpc.enable_channelz': 0,
  };
}

/** What grpc-js does not pass on: Node and nghttp2 keep these before a call is there. */
function http2LimitsOf(config: Config): Http2ServerOptions {
  return {
    // The edge has an answer for fewer; beyond this the stream is reset.
    maxHeaderListPairs: 2 * config.get('MAX_HEADER_FIELDS'),
    // For what comes in one packet, before the edge sees a stream; nghttp2 adds the rate once a second.
    streamResetBurst: 2 * (config.get('GRPC_STREAM_RESET_BURST') + config.get('GRPC_STREAM_RESET_RATE')),
    streamResetRate: 2 * config.get('GRPC_STREAM_RESET_RATE'),
  };
}

interface Http2ServerMaker {
  createHttp2Server(credentials: ServerCredentials): Http2Server;
}

/** grpc-js makes its HTTP/2 server in a private method; the edge has to stand on that server. */
function attachEdge(server: GrpcJsServer, attach: (http2Server: Http2Server) => void): void {
  const maker = server as unknown as Http2ServerMaker;
  const create = maker.createHttp2Server.bind(server);
  maker.createHttp2Server = (credentials) => {
    const http2Server = create(credentials);
    attach(http2Server);
    return http2Server;
  };
}
