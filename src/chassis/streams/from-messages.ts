import { once } from 'node:events';
import { Observable, type Subscriber } from 'rxjs';
import { currentCall, GrpcCall } from '../context/index.js';
import { leaveIteration } from './leave.js';

/**
 * Messages as an `Observable` that keeps backpressure: the next one is pulled when the call's response
 * stream has room. Unsubscribing returns the iterator, so that a generator's `finally` runs.
 */
export function fromMessages<T>(messages: AsyncIterable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const iterator = messages[Symbol.asyncIterator]();
    void pull(iterator, subscriber);
    return () => void leaveIteration(iterator);
  });
}

async function pull<T>(iterator: AsyncIterator<T>, subscriber: Subscriber<T>): Promise<void> {
  const call = currentCall();
  const responses = call instanceof GrpcCall ? call.responses : undefined;
  try {
    for (;;) {
      const next = await iterator.next();
      if (subscriber.closed) return;
      if (next.done) {
        subscriber.complete();
        return;
      }
      subscriber.next(next.value);
      if (responses?.writableNeedDrain) await once(responses, 'drain', { signal: call?.signal });
    }
  } catch (error) {
    subscriber.error(call?.abortReason ?? error);
  }
}
