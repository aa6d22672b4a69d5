import type { ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';
import { CallContext } from '../context/index.js';

/** The context of a gRPC call, from the HTTP/2 stream's first header to its end. */
export class GrpcCall extends CallContext {
  /** The response stream of a streaming method: what fills it waits while the client reads slowly. */
  responses: Writable | undefined;
  /** Calls a service of others, such as health: no handler of ours can end it. */
  isForeign = false;
  /** The handler has ended the call. grpc-js may have ended it before, with a status of its own. */
  isAnswered = false;

  constructor(requestId: string) {
    super('grpc', requestId);
  }
}

const CALL = Symbol('nest-chassis.grpc-call');

type EdgeStream = ServerHttp2Stream & { [CALL]?: GrpcCall };

/** Ties a call to its HTTP/2 stream, where `callOf` finds it again. */
export function attachCall(stream: ServerHttp2Stream, call: GrpcCall): void {
  (stream as EdgeStream)[CALL] = call;
}

/**
 * The call of a grpc-js server call. grpc-js keeps the HTTP/2 stream in two private fields and offers
 * no public way from a handler to it; an interceptor for every call would be the alternative and
 * costs several objects a call. The version of grpc-js is pinned because of this line.
 */
export function callOf(serverCall: object): GrpcCall {
  const { call } = serverCall as { call: { stream: EdgeStream } };
  const found = call.stream[CALL];
  if (!found) throw new TypeError('This gRPC call did not come through the edge');
  return found;
}
