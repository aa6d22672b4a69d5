import { Observable } from 'rxjs';
import type { AuditTrail } from './audit-trail.js';
import type { AuditedWork } from './audited-work.js';

/** A stream whose end is told when the entry of it is durable. */
export function auditObservable(source: Observable<unknown>, work: AuditedWork): Observable<unknown> {
  return new Observable((subscriber) => {
    let isOver = false;
    const end = (entry: Promise<void>, tell: () => void): void => {
      isOver = true;
      entry.then(tell, (error: unknown) => subscriber.error(error));
    };
    const subscription = source.subscribe({
      next: (value) => subscriber.next(value),
      error: (error: unknown) => end(work.fail(error), () => subscriber.error(error)),
      complete: () => end(work.succeed(), () => subscriber.complete()),
    });
    return () => {
      subscription.unsubscribe();
      if (!isOver) work.leave();
      isOver = true;
    };
  });
}

/** The same for an iteration, which begins when it is asked for the first value. */
export async function* auditIterable(
  makeSource: () => AsyncIterable<unknown>,
  trail: AuditTrail,
  work: AuditedWork,
): AsyncGenerator {
  await trail.admit();
  await work.begin();
  let isOver = false;
  try {
    for await (const value of makeSource()) yield value;
    isOver = true;
  } catch (error) {
    isOver = true;
    await work.fail(error);
    throw error;
  } finally {
    if (!isOver) work.leave();
  }
  await work.succeed();
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
