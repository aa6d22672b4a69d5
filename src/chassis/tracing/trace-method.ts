import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { isObservable, Observable } from 'rxjs';
import { currentScope, runInScope, type Scope } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import { keepNature, type Method } from '../lifecycle/index.js';
import { leaveMessages } from '../streams/index.js';
import { RecordingSpan } from './recording-span.js';
import type { Tracer } from './tracer.js';

/**
 * A method that works in a span of its own whenever its call is sampled; otherwise it costs a look at
 * the store. `this`, metadata, name and the kind of result stay: what was returned synchronously still
 * is, and a span lasts until a promise settles, an observable ends or an iteration is over.
 */
export function traceMethod(tracer: Tracer, name: string, method: Method): Method {
  return keepNature(method, function (this: unknown, ...args: unknown[]): unknown {
    const scope = currentScope();
    const parent = scope?.span;
    if (scope === undefined || !(parent instanceof RecordingSpan)) return method.apply(this, args);
    const span = tracer.startChild(name, parent);
    const inner = scope.withSpan(span);
    let result: unknown;
    try {
      result = runInScope(inner, () => method.apply(this, args));
    } catch (error) {
      failSpan(span, error);
      throw error;
    }
    return follow(result, span, inner);
  });
}

function follow(result: unknown, span: RecordingSpan, scope: Scope): unknown {
  if (result instanceof Promise) return followPromise(result, span);
  if (isObservable(result)) return followObservable(result, span, scope);
  if (isAsyncIterator(result)) return followIterator(result, span, scope);
  span.end();
  return result;
}

function followPromise(promise: Promise<unknown>, span: RecordingSpan): Promise<unknown> {
  return promise.then(
    (value) => {
      span.end();
      return value;
    },
    (error: unknown) => {
      failSpan(span, error);
      throw error;
    },
  );
}

function followObservable(
  source: Observable<unknown>,
  span: RecordingSpan,
  scope: Scope,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const subscription = runInScope(scope, () =>
      source.subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => {
          failSpan(span, error);
          subscriber.error(error);
        },
        complete: () => {
          span.end();
          subscriber.complete();
        },
      }),
    );
    return () => {
      leaveMessages(subscription);
      span.end();
    };
  });
}

type Advance = (value?: unknown) => Promise<IteratorResult<unknown>>;

/** The same iterator, each step of it in the span. */
function followIterator(
  iterator: AsyncIterator<unknown>,
  span: RecordingSpan,
  scope: Scope,
): AsyncIterator<unknown> {
  const step = (advance: Advance) => async (value?: unknown) => {
    try {
      const result = await runInScope(scope, () => advance(value));
      if (result.done === true) span.end();
      return result;
    } catch (error) {
      failSpan(span, error);
      throw error;
    }
  };
  iterator.next = step(iterator.next.bind(iterator) as Advance);
  if (iterator.return) iterator.return = step(iterator.return.bind(iterator));
  if (iterator.throw) iterator.throw = step(iterator.throw.bind(iterator));
  return iterator;
}

function isAsyncIterator(value: unknown): value is AsyncIterator<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.asyncIterator in value &&
    'next' in value &&
    typeof value.next === 'function' &&
    Object.isExtensible(value)
  );
}

/** Ends a span with what was thrown: a refusal of the vocabulary is told by its reason, the rest with its stack. */
export function failSpan(span: Span, error: unknown): void {
  if (error instanceof ServiceError) {
    span.setAttribute('error.type', error.reason);
  } else if (error instanceof Error) {
    span.setAttribute('error.type', error.name);
    span.recordException(error);
  }
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
