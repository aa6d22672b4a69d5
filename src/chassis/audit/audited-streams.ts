import { openStreamingBody, type StreamingBodyIterator } from '@nestjs/core/router/streaming-body.js';
import { Observable } from 'rxjs';
import { leaveMessages } from '../streams/index.js';
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
      leaveMessages(subscription);
      if (!isOver) work.leave();
      isOver = true;
    };
  });
}

/**
 * The same for an iteration whose work has begun. No generator: one that is left before its first value runs no line,
 * and nobody would learn of it.
 * @param answer what the handler has answered, where that is not the iteration itself
 */
export function auditIteration(
  source: AsyncIterable<unknown>,
  work: AuditedWork,
  answer?: unknown,
): AsyncIterableIterator<unknown, undefined> {
  let values: StreamingBodyIterator | undefined;
  let isOver = false;
  const end = async (entry: () => Promise<void>): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await entry();
  };
  return {
    next: async () => {
      // As Nest opens it, which stops a Node.js stream that is left while it is read.
      const next = async () => (values ??= openStreamingBody(source)).next();
      const result = await next().catch(async (error: unknown) => {
        await end(() => work.fail(error));
        throw error;
      });
      if (!result.done) return result;
      await end(() => work.succeed(answer));
      return { done: true, value: undefined };
    },
    return: async () => {
      if (!isOver) work.leave();
      isOver = true;
      await (values ??= openStreamingBody(source)).return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The same for a method that makes its iteration, which begins when it is asked for the first value. */
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
