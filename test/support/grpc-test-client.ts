import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceError as GrpcError,
} from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details';
import { Status } from '#generated/google/rpc/status';

type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

/** A failed call with its details decoded. */
export interface GrpcFailure {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly info: ErrorInfo | undefined;
  readonly violations: readonly { field: string; description: string }[];
  readonly retry: RetryInfo | undefined;
}

export interface GrpcOptions extends CallOptions {
  readonly metadata?: Record<string, string>;
}

/** gRPC calls with the generated definitions, over a real socket. */
export class GrpcTestClient {
  /** The grpc-js client, for what the helpers below do not do. */
  readonly client: Client;

  /** With `options` of its own it also has a connection of its own. */
  constructor(
    readonly address: string,
    options: ClientOptions = {},
    secured: ChannelCredentials = credentials.createInsecure(),
  ) {
    this.client = new Client(address, secured, options);
  }

  unary<Request, Response>(
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    { metadata, ...options }: GrpcOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        toMetadata(metadata),
        options,
        (error, response) => (error ? reject(error) : resolve(response as Response)),
      );
    });
  }

  /** Sends all messages, then waits for the one answer. */
  clientStream<Request, Response>(
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    requests: Iterable<Request>,
    { metadata, ...options }: GrpcOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = this.client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        toMetadata(metadata),
        options,
        (error, response) => (error ? reject(error) : resolve(response as Response)),
      );
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  /** The open stream: iterate it, `cancel()` it. */
  serverStream<Request, Response>(
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    { metadata, ...options }: GrpcOptions = {},
  ): ClientReadableStream<Response> {
    return this.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      toMetadata(metadata),
      options,
    );
  }

  /** The open stream: write, iterate, `end()` or `cancel()` it. */
  bidi<Request, Response>(
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    { metadata, ...options }: GrpcOptions = {},
  ): ClientDuplexStream<Request, Response> {
    return this.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      toMetadata(metadata),
      options,
    );
  }

  close(): void {
    this.client.close();
  }
}

/** Waits for a call to fail and decodes why; a call that succeeds fails the test. */
export async function failureOf(call: Promise<unknown>): Promise<GrpcFailure> {
  try {
    const value = await call;
    throw new TypeError(`The call succeeded with ${JSON.stringify(value)}`);
  } catch (error) {
    if (!(error instanceof Error) || !('metadata' in error)) throw error;
    return decodeFailure(error as GrpcError);
  }
}

/** A grpc-js error with its `google.rpc` details decoded. */
export function decodeFailure({ code, details, metadata }: GrpcError): GrpcFailure {
  const [packed] = metadata.get('grpc-status-details-bin');
  const any = packed === undefined ? [] : Status.decode(packed as Buffer).details;
  const find = <T>(type: string, decode: (bytes: Uint8Array) => T): T | undefined => {
    const found = any.find(({ typeUrl }) => typeUrl.endsWith(`google.rpc.${type}`));
    return found && decode(found.value);
  };
  const info = find('ErrorInfo', (bytes) => ErrorInfo.decode(bytes));
  return {
    code,
    message: details,
    reason: info?.reason,
    info,
    violations: find('BadRequest', (bytes) => BadRequest.decode(bytes))?.fieldViolations ?? [],
    retry: find('RetryInfo', (bytes) => RetryInfo.decode(bytes)),
  };
}

function toMetadata(values: Record<string, string> = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) metadata.set(key, value);
  return metadata;
}
