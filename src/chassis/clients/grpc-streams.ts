import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { Readable, type Writable } from 'node:stream';
import { disturbanceOf, type Cut } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import type { Attempt, Policy } from '../resilience/index.js';
import { beginDisturbed, byCode, cutMessages, cutOf } from './disturbed-call.js';
import { grpcFailure } from './grpc-failures.js';
import { OutgoingCall } from './outgoing-call.js';

type Stream = Readable & { cancel(): void };

/** Makes a call whose answers stream. */
export type OpenCall = (outgoing: OutgoingCall) => object;

/**
 * The messages of a stream once the first is there. Until then the policy's timeouts, retries and breaker hold; its place
 * in the policy's bulkhead the stream has until its end.
 */
export function openStream<Response>(
  upstream: string,
  policy: Policy | undefined,
  open: OpenCall,
  isIdempotent: boolean,
): Promise<AsyncIterable<Response>> {
  const work = async (attempt?: Attempt): Promise<AsyncIterable<Response>> => {
    const outgoing = new OutgoingCall(upstream, Infinity);
    const disturbance = disturbanceOf(`client:${upstream}`);
    if (disturbance) await beginDisturbed(upstream, outgoing, disturbance, byCode);
    const stream = open(outgoing) as Stream;
    const messages = read<Response>(upstream, stream, outgoing, disturbance && cutOf(upstream, disturbance));
    const first = await messages.next();
    if (!first.done) attempt?.goOn(endOf(upstream, stream, outgoing));
    return resume(first, messages);
  };
  return policy ? policy.run(work, isIdempotent) : work();
}

/** Sends the messages as the stream takes them; one that cannot be made cancels it. With the call their source ends. */
export function pour(
  requests: AsyncIterable<unknown>,
  stream: { cancel(): void; once(event: 'status', listener: () => void): unknown },
  onError: (error: Error) => void,
): void {
  const source = Readable.from(requests);
  source.once('error', (error) => {
    onError(error);
    stream.cancel();
  });
  // A pipe leaves its source open, and grpc-js goes on to take what is written to a call that has ended.
  stream.once('status', () => source.destroy());
  // The types of grpc-js' streams and of Node's differ; the streams do not.
  source.pipe(stream as unknown as Writable);
}

/** Settles with the status, also when nobody reads on. */
function endOf(upstream: string, stream: Stream, outgoing: OutgoingCall): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('error', (error) => reject(grpcFailure(upstream, error as GrpcError, outgoing)));
    stream.once('status', () => resolve());
  });
}

async function* read<Response>(
  upstream: string,
  stream: Stream,
  outgoing: OutgoingCall,
  cut: Cut | undefined,
): AsyncGenerator<Response, void, void> {
  outgoing.whenAborted(() => stream.cancel());
  try {
    const messages = stream as AsyncIterable<Response>;
    yield* cut ? cutMessages(messages, cut) : messages;
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw grpcFailure(upstream, error as GrpcError, outgoing);
  } finally {
    outgoing.end();
    // Whoever leaves the loop early wants no more; a call that has ended does not mind.
    stream.cancel();
  }
}

async function* resume<Response>(
  first: IteratorResult<Response, void>,
  rest: AsyncGenerator<Response, void, void>,
): AsyncGenerator<Response> {
  try {
    if (first.done) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return();
  }
}
