import { cancelStreamingBody, listenForStreamError } from '@nestjs/core/router/streaming-body.js';
import { types } from 'node:util';
import { isObservable } from 'rxjs';
import { currentCall } from '../context/index.js';
import { keepNature, type Method } from '../lifecycle/index.js';
import { isAsyncIterable } from '../streams/index.js';
import type { AuditMark } from './audit.decorator.js';
import type { AuditTrail } from './audit-trail.js';
import { auditIterable, auditIteration, auditObservable } from './audited-streams.js';
import { AuditedWork } from './audited-work.js';
import { bodyOf, withBody } from './streamed-answers.js';

/**
 * A handler whose caller has the answer when the entry is durable, and whose work does not begin when it
 * could not be recorded. Nest's transports wait for what it returns.
 */
export function auditHandler(trail: AuditTrail, mark: AuditMark, method: Method): Method {
  return keepNature(method, async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const work = new AuditedWork(trail, mark, currentCall(), true, args);
    const result = await run(trail, mark, work, () => method.apply(this, args), isUnfinished);
    if (isObservable(result)) {
      // Before it is subscribed to: what is pushed from then on reaches the client.
      await work.begin();
      return auditObservable(result, work);
    }
    if (isAsyncIterable(result)) return beginIteration(result, work);
    const body = bodyOf(result);
    return body ? withBody(result, await beginIteration(body, work, result)) : result;
  });
}

async function beginIteration(
  source: AsyncIterable<unknown>,
  work: AuditedWork,
  answer?: unknown,
): Promise<AsyncIterable<unknown>> {
  // A Node.js stream may fail meanwhile, such as that of a file that is not there.
  listenForStreamError(source);
  await work.begin().catch((error: unknown) => {
    void cancelStreamingBody(source);
    throw error;
  });
  return auditIteration(source, work, answer);
}

function isUnfinished(result: unknown): boolean {
  return isStream(result) || bodyOf(result) !== undefined;
}

function isStream(result: unknown): boolean {
  return isObservable(result) || isAsyncIterable(result);
}

/**
 * The same for a method of a provider: an async one, or an async generator.
 * @param original the method as it was written
 */
export function auditProviderMethod(
  trail: AuditTrail,
  mark: AuditMark,
  method: Method,
  original: Method,
): Method {
  if (types.isGeneratorFunction(original)) {
    return keepNature(method, function (this: unknown, ...args: unknown[]): AsyncGenerator {
      const work = new AuditedWork(trail, mark, currentCall(), false, args);
      return auditIterable(() => method.apply(this, args) as AsyncIterable<unknown>, trail, work);
    });
  }
  return keepNature(method, async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const work = new AuditedWork(trail, mark, currentCall(), false, args);
    const result = await run(
      trail,
      mark,
      work,
      () => method.apply(this, args),
      () => false,
    );
    if (isStream(result)) throw streamReturned(mark);
    return result;
  });
}

/** Runs the work between its entries; what `hasLaterEnd` says is more than a value has its last entry later. */
async function run(
  trail: AuditTrail,
  mark: AuditMark,
  work: AuditedWork,
  method: () => unknown,
  hasLaterEnd: (result: unknown) => boolean,
): Promise<unknown> {
  const admission = trail.admit();
  if (admission) await admission;
  if (mark.begin) await work.begin();
  let result: unknown;
  try {
    result = await method();
  } catch (error) {
    await work.fail(error);
    throw error;
  }
  if (!hasLaterEnd(result)) await work.succeed(result);
  return result;
}

function streamReturned({ action }: AuditMark): TypeError {
  return new TypeError(
    `@Audit('${action}') is on a provider's method that returns a stream: make it an async generator, or put ` +
      '@Audit on the handler',
  );
}
