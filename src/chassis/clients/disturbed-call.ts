import { Readable } from 'node:stream';
import type { Cut, Disturbance } from '../context/index.js';
import { httpStatusOf, ServiceError, type Code } from '../errors/index.js';
import type { OutgoingCall } from './outgoing-call.js';
import { UpstreamError } from './upstream-error.js';
import { upstreamUnavailable } from './upstream-failures.js';

/** How the other service would have said it: REST by status, gRPC by code. */
export type SaysNo = (code: Code) => number | Code;
export const byStatus: SaysNo = httpStatusOf;
export const byCode: SaysNo = (code) => code;

/**
 * Waits and fails as it is told to, on purpose, no longer than the call may take.
 * @throws what the call would have failed with, had the other service done it
 */
export async function beginDisturbed(
  upstream: string,
  outgoing: OutgoingCall,
  disturbance: Disturbance,
  saysNo: SaysNo,
): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => outgoing.whenAborted(reject));
  try {
    await Promise.race([disturbance.begin(), aborted]);
  } catch (error) {
    outgoing.end();
    throw outgoing.abortReason ?? toUpstreamFailure(upstream, error, saysNo);
  }
}

/** The body until it is cut, on purpose. */
export function cutBody(body: Readable, cut: Cut): Readable {
  return Readable.from(cutMessages(body, cut), { objectMode: false });
}

/** The messages until they are cut, on purpose: in place of the next one or of the end, or after a time. */
export async function* cutMessages<Message>(
  messages: AsyncIterable<Message>,
  { afterMessages = Infinity, afterMs, apply }: Cut,
): AsyncGenerator<Message, void, void> {
  const iterator = messages[Symbol.asyncIterator]();
  const late = Promise.withResolvers<undefined>();
  const timer = afterMs === undefined ? undefined : setTimeout(() => late.resolve(undefined), afterMs);
  try {
    for (let passed = 0; ; passed++) {
      const next = await Promise.race([iterator.next(), late.promise]);
      if (next === undefined || passed >= afterMessages) throw apply();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // A message that is waited for comes to nobody, and neither does what becomes of it.
    iterator.return?.().catch(() => undefined);
  }
}

/** The cut as a gRPC call fails with it. */
export function cutOf(upstream: string, { cut }: Disturbance): Cut | undefined {
  const apply = cut && (() => upstreamUnavailable(upstream, cut.apply(), { fault: 'connection_lost' }));
  return apply && { ...cut, apply };
}

function toUpstreamFailure(upstream: string, error: unknown, saysNo: SaysNo): unknown {
  if (error instanceof ServiceError)
    return new UpstreamError(upstream, saysNo(error.code), error.message, error);
  return upstreamUnavailable(upstream, error, { fault: 'refused' });
}
