import {
  Client,
  credentials,
  InterceptingCall,
  Metadata,
  status as GrpcStatus,
  type CallOptions,
  type Interceptor,
  type MethodDefinition,
  type ServiceError as GrpcError,
} from '@grpc/grpc-js';
import { Readable, type Writable } from 'node:stream';
import { codeOfNumber } from '../errors/index.js';
import type { MetricsRegistry } from '../metrics/index.js';
import { createGrpcClientInterceptor, type Tracing } from '../tracing/index.js';
import { outgoingCall, type OutgoingCall } from './outgoing-call.js';
import { UpstreamError, upstreamTimeout, upstreamUnavailable } from './upstream-error.js';

const DEFAULT_TIMEOUT_MS = 10_000;

export interface GrpcClientOptions {
  /** Of the other service, for messages. */
  readonly name: string;
  /** Such as `payments.example:50051` or `dns:///payments:50051`. */
  readonly target: string;
  /** @default false */
  readonly isSecure?: boolean;
  /**
   * Longest time for a unary answer, in milliseconds; a call that has less left gives it that. Streams have
   * the call's deadline alone.
   * @default 10000
   */
  readonly timeoutMs?: number;
}

type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

/** What a generated method takes, and what it answers. */
export type RpcRequest<Rpc> = Rpc extends Method<infer Request, infer _Response> ? Request : never;
export type RpcResponse<Rpc> = Rpc extends Method<infer _Request, infer Response> ? Response : never;

/**
 * gRPC calls to another service with generated definitions. Inside a call they bear its request id, its
 * trace and its deadline, and end with it. Failures are those of `HttpClient`.
 */
export class GrpcClient {
  readonly #client: Client;
  readonly #timeoutMs: number;

  constructor(
    private readonly options: GrpcClientOptions,
    { tracer }: Pick<Tracing, 'tracer'>,
    metrics: MetricsRegistry,
  ) {
    const secured = options.isSecure ? credentials.createSsl() : credentials.createInsecure();
    const interceptors = [createGrpcClientInterceptor(tracer, metrics), endWithCall];
    this.#client = new Client(options.target, secured, { interceptors });
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  unary<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const outgoing = outgoingCall(this.#timeoutMs);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        ...partsOf(method),
        request,
        ...callOf(outgoing),
        (error: GrpcError | null, response?: Response) =>
          error ? reject(this.#translate(error, outgoing)) : resolve(response as Response),
      );
    });
  }

  /** The messages as they are asked for; leaving the loop cancels the call. */
  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
  ): AsyncGenerator<Response> {
    const outgoing = outgoingCall(Infinity);
    const stream = this.#client.makeServerStreamRequest(...partsOf(method), request, ...callOf(outgoing));
    yield* this.#messages(stream, outgoing);
  }

  clientStream<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
  ): Promise<Response> {
    const outgoing = outgoingCall(Infinity);
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeClientStreamRequest(
        ...partsOf(method),
        ...callOf(outgoing),
        (error: GrpcError | null, response?: Response) =>
          error ? reject(this.#translate(error, outgoing)) : resolve(response as Response),
      );
      pour(requests, stream, (error) => {
        reject(error);
        stream.cancel();
      });
    });
  }

  async *bidi<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
  ): AsyncGenerator<Response> {
    const outgoing = outgoingCall(Infinity);
    const stream = this.#client.makeBidiStreamRequest(...partsOf(method), ...callOf(outgoing));
    let failure: Error | undefined;
    pour(requests, stream, (error) => {
      failure = error;
      stream.cancel();
    });
    try {
      yield* this.#messages(stream, outgoing);
    } catch (error) {
      throw failure ?? error;
    }
  }

  /** After the last call, such as in `onApplicationShutdown`. */
  close(): void {
    this.#client.close();
  }

  async *#messages<Response>(
    stream: Readable & { cancel(): void },
    outgoing: OutgoingCall,
  ): AsyncGenerator<Response> {
    try {
      yield* stream as AsyncIterable<Response>;
    } catch (error) {
      throw this.#translate(error as GrpcError, outgoing);
    } finally {
      // Whoever leaves the loop early wants no more; a call that has ended does not mind.
      stream.cancel();
    }
  }

  #translate(error: GrpcError, { abortReason }: OutgoingCall): Error {
    const { name } = this.options;
    const reason = abortReason();
    if (reason) return reason;
    if (error.code === GrpcStatus.UNAVAILABLE) return upstreamUnavailable(name, error);
    if (error.code === GrpcStatus.DEADLINE_EXCEEDED) return upstreamTimeout(name, error);
    const code = codeOfNumber(error.code);
    return code === 'OK' ? error : new UpstreamError(name, code, error.details, error);
  }
}

function partsOf<Request, Response>({
  path,
  requestSerialize,
  responseDeserialize,
}: Method<Request, Response>) {
  return [path, requestSerialize, responseDeserialize] as const;
}

function callOf({ headers, limitMs }: OutgoingCall): readonly [Metadata, CallOptions] {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return [metadata, limitMs === Infinity ? {} : { deadline: Date.now() + limitMs }];
}

function pour(requests: AsyncIterable<unknown>, stream: object, onError: (error: Error) => void): void {
  // The types of grpc-js' streams and of Node's differ; the streams do not.
  Readable.from(requests)
    .once('error', onError)
    .pipe(stream as Writable);
}

/** Cancels what the call that it belongs to no longer waits for. */
const endWithCall: Interceptor = (options, nextCall) => {
  const { signal } = outgoingCall(Infinity);
  const call = new InterceptingCall(nextCall(options), {
    start(metadata, _listener, next) {
      next(metadata, {
        onReceiveStatus(status, forward) {
          signal?.removeEventListener('abort', cancel);
          forward(status);
        },
      });
    },
  });
  const cancel = (): void => call.cancelWithStatus(GrpcStatus.CANCELLED, 'the call has ended');
  signal?.addEventListener('abort', cancel, { once: true });
  return call;
};
