import {
  Client,
  Metadata,
  type CallOptions,
  type Interceptor,
  type MethodDefinition,
  type ServiceError as GrpcError,
} from '@grpc/grpc-js';
import { disturbanceOf, type Disturbance } from '../context/index.js';
import { callCancelled } from '../errors/index.js';
import type { MetricsRegistry } from '../metrics/index.js';
import type { Attempt, Policy } from '../resilience/index.js';
import { createGrpcClientInterceptor, type Tracing } from '../tracing/index.js';
import { checkGrpcOptions } from './check-options.js';
import { beginDisturbed, byCode, cutOf } from './disturbed-call.js';
import { channelOptionsOf, credentialsOf, type GrpcChannelOptions } from './grpc-channel.js';
import { grpcFailure } from './grpc-failures.js';
import { openStream, pour, type OpenCall } from './grpc-streams.js';
import { OutgoingCall } from './outgoing-call.js';
import { takeSource } from './taken-source.js';

export interface GrpcClientOptions extends GrpcChannelOptions {
  /** Of the other service, kebab-case: in messages and its policy. */
  readonly name: string;
  /** Such as `payments.example:50051` or `dns:///payments:50051`. */
  readonly target: string;
  /**
   * Longest time for a unary answer, in milliseconds; a call that has less left gives it that. Streams have
   * the call's deadline alone. A function is asked for each call.
   * @default 10000
   */
  readonly timeoutMs?: number | (() => number);
}

export interface GrpcCallOptions {
  /** Whether it may be sent again. Calls that stream requests never are. @default false */
  readonly isIdempotent?: boolean;
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
  readonly #clients: readonly Client[];
  /** What faults on purpose call it. */
  readonly #target: string;
  #next = 0;

  /**
   * @param policy what each call runs under; of a stream, until its first message
   * @throws {TypeError} for options that are not valid, {StartError} for TLS files that are not
   */
  constructor(
    private readonly options: GrpcClientOptions,
    { tracer }: Pick<Tracing, 'tracer'>,
    metrics: MetricsRegistry,
    private readonly policy?: Policy,
  ) {
    checkGrpcOptions(options);
    this.#target = `client:${options.name}`;
    const interceptors: Interceptor[] = [createGrpcClientInterceptor(tracer, metrics)];
    const secured = credentialsOf(options.name, options);
    const settings = { ...channelOptionsOf(options), interceptors };
    this.#clients = Array.from(
      { length: options.connections ?? 1 },
      () => new Client(options.target, secured, settings),
    );
  }

  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { isIdempotent = false }: GrpcCallOptions = {},
  ): Promise<Response> {
    // Before the policy: what cannot be sent says nothing of the other service.
    const message = method.requestSerialize(request);
    const work = (): Promise<Response> =>
      this.#answer(this.options.timeoutMs, (outgoing, settle) =>
        this.#client.makeUnaryRequest(
          ...encodedPartsOf(method),
          message,
          ...callOf(outgoing, outgoing.limitMs),
          settle,
        ),
      );
    return this.policy ? this.policy.run(work, isIdempotent, [request]) : work();
  }

  /** The messages as they are asked for; leaving the loop cancels the call. */
  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { isIdempotent = false }: GrpcCallOptions = {},
  ): AsyncGenerator<Response> {
    const message = method.requestSerialize(request);
    const open: OpenCall = (outgoing) =>
      this.#client.makeServerStreamRequest(
        ...encodedPartsOf(method),
        message,
        ...callOf(outgoing, outgoing.streamLimitMs),
      );
    yield* await openStream<Response>(this.options.name, this.policy, open, isIdempotent);
  }

  async clientStream<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
  ): Promise<Response> {
    const closeRequests = takeSource(requests);
    const work = (attempt?: Attempt): Promise<Response> =>
      this.#answer(Infinity, (outgoing, settle) => {
        const [metadata, options] = callOf(outgoing, outgoing.limitMs);
        const stream = this.#client.makeClientStreamRequest(...partsOf(method), metadata, options, settle);
        pour(requests, stream, (error) => {
          settle(error);
          // A source that breaks says nothing of the other service.
          attempt?.abort(callCancelled());
        });
        return stream;
      });
    try {
      return await (this.policy ? this.policy.run(work, false, [requests]) : work());
    } finally {
      closeRequests();
    }
  }

  async *bidi<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
  ): AsyncGenerator<Response> {
    const closeRequests = takeSource(requests);
    let failure: Error | undefined;
    const open: OpenCall = (outgoing) => {
      const [metadata, options] = callOf(outgoing, outgoing.streamLimitMs);
      const stream = this.#client.makeBidiStreamRequest(...partsOf(method), metadata, options);
      pour(requests, stream, (error) => (failure = error));
      return stream;
    };
    try {
      yield* await openStream<Response>(this.options.name, this.policy, open, false);
    } catch (error) {
      throw failure ?? error;
    } finally {
      closeRequests();
    }
  }

  /** After the last call. */
  close(): void {
    for (const client of this.#clients) client.close();
  }

  get #client(): Client {
    return this.#clients[this.#next++ % this.#clients.length] as Client;
  }

  /** A call with one answer. */
  #answer<Response>(
    timeoutMs: GrpcClientOptions['timeoutMs'],
    start: StartCall<Response>,
  ): Promise<Response> {
    const outgoing = new OutgoingCall(this.options.name, timeoutMs);
    const disturbance = disturbanceOf(this.#target);
    return disturbance ? this.#disturbed(outgoing, disturbance, start) : this.#call(outgoing, start);
  }

  async #disturbed<Response>(
    outgoing: OutgoingCall,
    disturbance: Disturbance,
    start: StartCall<Response>,
  ): Promise<Response> {
    const { name } = this.options;
    await beginDisturbed(name, outgoing, disturbance, byCode);
    const answer = await this.#call(outgoing, start);
    const cut = cutOf(name, disturbance);
    // One answer: whatever the limit, it is what does not arrive.
    if (cut) throw cut.apply();
    return answer;
  }

  #call<Response>(outgoing: OutgoingCall, start: StartCall<Response>): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = start(outgoing, (error, response) => {
        outgoing.end();
        if (!error) resolve(response as Response);
        else reject('details' in error ? grpcFailure(this.options.name, error, outgoing) : error);
      });
      outgoing.whenAborted(() => call.cancel());
    });
  }
}

/** Starts a call; `settle` takes what it ends with, or what kept it from being made. */
type StartCall<Response> = (
  outgoing: OutgoingCall,
  settle: (error: GrpcError | Error | null, response?: Response) => void,
) => { cancel(): void };

function partsOf<Request, Response>({
  path,
  requestSerialize,
  responseDeserialize,
}: Method<Request, Response>) {
  return [path, requestSerialize, responseDeserialize] as const;
}

/** The same for a request that is encoded already. */
function encodedPartsOf<Response>({ path, responseDeserialize }: Method<never, Response>) {
  return [path, (message: Buffer) => message, responseDeserialize] as const;
}

function callOf({ headers }: OutgoingCall, limitMs: number): readonly [Metadata, CallOptions] {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return [metadata, limitMs === Infinity ? {} : { deadline: Date.now() + limitMs }];
}
