import {
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { first, isObservable, of, type Observable } from 'rxjs';
import { REQUEST_ID_HEADER, runInCall, type GrpcCall } from '../context/index.js';
import { toServiceError } from '../errors/index.js';
import { leaveMessages } from '../streams/index.js';
import {
  callOf,
  closeInTime,
  cutCall,
  endsAmidMessage,
  hasUnknownFlag,
  refuseUnknownFlags,
  streamOf,
} from './call-link.js';
import { severalMessages, unknownFlag } from './edge-errors.js';
import { readMessage, readMessages } from './request-messages.js';

/** A handler as Nest wraps it: guards, interceptors, pipes, the controller's method and filters. */
export type Invoke = (data: unknown, metadata: Metadata, call: object) => Promise<unknown>;
/** Turns whatever was thrown into the call's final status. */
export type ToStatus = (thrown: unknown, call: GrpcCall) => StatusObject & Error;

type OneRequest = ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>;
type ManyResponses = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** Serves methods that answer with one message: unary and client streaming. */
export function answerOnce(invoke: Invoke, toStatus: ToStatus) {
  return (serverCall: OneRequest, callback: sendUnaryData<unknown>): void => {
    const call = callOf(serverCall);
    if (call.abortReason) return;
    const answer = (error: Error | null, value: unknown): void => {
      if (call.isAnswered) return;
      call.isAnswered = true;
      if (!error) call.messagesOut = 1;
      serverCall.sendMetadata(initialMetadata(call));
      callback(error, value);
    };
    const fail = (thrown: unknown): void => {
      if (!call.isAnswered) answer(toStatus(thrown, call), null);
    };
    call.whenAborted((reason) => abort(reason, serverCall, call, fail));
    runInCall(call, () => {
      start(invoke, serverCall, call)
        .then((result) => (isObservable(result) ? firstOf(result, call) : result))
        .then((value) => answer(null, value), fail);
    });
  };
}

/** Serves methods that answer with a stream: server streaming and bidirectional. */
export function answerMany(invoke: Invoke, toStatus: ToStatus) {
  return (serverCall: ManyResponses): void => {
    const call = callOf(serverCall);
    if (call.abortReason) return;
    call.responses = serverCall;
    const fail = (thrown: unknown): void => {
      if (call.isAnswered) return;
      call.isAnswered = true;
      sendInitial(serverCall, call);
      serverCall.emit('error', withTrailers(toStatus(thrown, call), call));
    };
    call.whenAborted((reason) => abort(reason, serverCall, call, fail));
    runInCall(call, () => {
      start(invoke, serverCall, call).then((result) => send(result, serverCall, call, fail), fail);
    });
  };
}

function send(
  result: unknown,
  serverCall: ManyResponses,
  call: GrpcCall,
  fail: (thrown: unknown) => void,
): void {
  if (call.abortReason) return;
  const messages: Observable<unknown> = isObservable(result) ? result : of(result);
  const subscription = messages.subscribe({
    next: (message) => {
      sendInitial(serverCall, call);
      call.messagesOut += 1;
      serverCall.write(message);
    },
    error: fail,
    complete: () => {
      call.isAnswered = true;
      sendInitial(serverCall, call);
      serverCall.end(call.answerTrailers && metadataOf(call.answerTrailers));
    },
  });
  // Sent after subscribing: a client that has the metadata misses nothing that happens from then on.
  if (!subscription.closed) sendInitial(serverCall, call);
  call.whenAborted((reason) => {
    leaveMessages(subscription);
    abort(reason, serverCall, call, fail);
  });
}

function abort(
  reason: Error,
  serverCall: OneRequest | ManyResponses,
  call: GrpcCall,
  fail: (thrown: unknown) => void,
): void {
  const isLate = toServiceError(reason).code === 'DEADLINE_EXCEEDED';
  // The answer is there, but the client does not take it: its deadline holds for that, too.
  if (call.isAnswered && isLate) return cutCall(serverCall);
  // What ends for a shutdown has its time for what was sent and is not read yet: the drain's.
  closeInTime(streamOf(serverCall), isLate);
  if (!call.isAnswered) fail(reason);
}

function start(invoke: Invoke, serverCall: OneRequest | ManyResponses, call: GrpcCall): Promise<unknown> {
  try {
    if (!('request' in serverCall)) {
      refuseUnknownFlags(serverCall);
      return invokeWith(invoke, readMessages(serverCall, call), serverCall, call);
    }
    call.messagesIn = 1;
    if (endsAmidMessage(serverCall)) throw severalMessages();
    if (hasUnknownFlag(serverCall)) throw unknownFlag();
    return invokeWith(invoke, serverCall.request, serverCall, call);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The handler with the parser before it, so that whatever stands around it sees what that refuses. */
export function reading(invoke: Invoke): Invoke {
  return (data, metadata, call) => invoke(readMessage(data), metadata, call);
}

/** Runs the handler, after what is done to the call on purpose. */
export function invokeWith(
  invoke: Invoke,
  data: unknown,
  serverCall: { readonly metadata: Metadata },
  { disturbance }: GrpcCall,
): Promise<unknown> {
  const begun = disturbance?.begin();
  if (!begun) return invoke(data, serverCall.metadata, serverCall);
  return begun.then(() => invoke(data, serverCall.metadata, serverCall));
}

/** The first value of what an interceptor makes of one answer. It is left when the call ends before. */
export function firstOf(values: Observable<unknown>, call: GrpcCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (call.abortReason) return reject(call.abortReason);
    const subscription = values.pipe(first()).subscribe({ next: resolve, error: reject });
    call.signal.addEventListener('abort', () => leaveMessages(subscription), { once: true });
  });
}

/** Before the first message: grpc-js would send metadata of its own with that. */
function sendInitial(serverCall: ManyResponses, call: GrpcCall): void {
  if (!call.hasSentMetadata) serverCall.sendMetadata(initialMetadata(call));
}

function initialMetadata(call: GrpcCall): Metadata {
  call.hasSentMetadata = true;
  const metadata = metadataOf(call.answerMetadata);
  metadata.set(REQUEST_ID_HEADER, call.requestId);
  return metadata;
}

function metadataOf(values: Readonly<Record<string, string>> | undefined): Metadata {
  const metadata = new Metadata();
  for (const name in values) metadata.set(name, values[name] ?? '');
  return metadata;
}

/** grpc-js sends the metadata of a status as trailers. */
function withTrailers(status: StatusObject & Error, call: GrpcCall): Error {
  if (call.answerTrailers) status.metadata.merge(metadataOf(call.answerTrailers));
  return status;
}
