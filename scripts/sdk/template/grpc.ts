import { durationMs } from '@bufbuild/protobuf/wkt';
import {
  ConnectError,
  createClient,
  type Client,
  type Interceptor,
  type Transport,
} from '@connectrpc/connect';
import { createGrpcTransport, type GrpcTransportOptions } from '@connectrpc/connect-node';
import { CallError, CODES } from './call-error.js';
import { addHeaders, DEFAULT_TIMEOUT_MS, type ClientOptions } from './client-options.js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from './proto/google/rpc/error_details_pb.js';
import { services } from './services.js';

export { CallError, type Code, type Violation } from './call-error.js';
export type { ClientOptions } from './client-options.js';

/** One client for each gRPC service. */
export type GrpcClients = { readonly [Name in keyof typeof services]: Client<(typeof services)[Name]> };

export interface GrpcClientOptions extends ClientOptions {
  /** TLS: `{ ca }` for an authority of your own, `{ cert, key }` for a client certificate. */
  readonly nodeOptions?: NonNullable<GrpcTransportOptions['nodeOptions']>;
}

/** Clients of the gRPC services over one connection, which is kept until it has been idle for 15 minutes. */
export function createGrpcClients(options: GrpcClientOptions): GrpcClients {
  const transport = withTimeout(
    createGrpcTransport({
      baseUrl: options.baseUrl,
      interceptors: [addsHeaders(options)],
      ...(options.nodeOptions && { nodeOptions: options.nodeOptions }),
    }),
    options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  );
  const clients = Object.entries(services).map(([name, service]) => [name, createClient(service, transport)]);
  return Object.fromEntries(clients) as GrpcClients;
}

/** What a gRPC client threw, with the details that the service sent; a `CallError` stays what it is. */
export function toCallError(thrown: unknown): CallError {
  if (thrown instanceof CallError) return thrown;
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const [badRequest] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return new CallError({
    code: CODES[error.code] ?? 'UNKNOWN',
    message: error.rawMessage,
    reason: info?.reason,
    requestId: error.metadata.get('x-request-id') ?? undefined,
    metadata: info?.metadata,
    violations: badRequest?.fieldViolations.map(({ field, description }) => ({
      path: field,
      message: description,
    })),
    retryAfterMs: retry?.retryDelay && durationMs(retry.retryDelay),
    cause: thrown,
  });
}

/** Adds the headers to a call; its error tells the request id, also when no answer came back. */
function addsHeaders(options: ClientOptions): Interceptor {
  return (next) => async (request) => {
    await addHeaders(options, request.header);
    try {
      return await next(request);
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      error.metadata.set('x-request-id', request.header.get('x-request-id') ?? '');
      throw error;
    }
  };
}

/** A stream may last: only unary calls get the deadline of all calls. */
function withTimeout(transport: Transport, limitMs: number): Transport {
  return {
    unary: (method, signal, timeoutMs = limitMs, ...rest) =>
      transport.unary(method, signal, timeoutMs, ...rest),
    stream: (...call) => transport.stream(...call),
  };
}
