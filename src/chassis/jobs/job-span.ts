import { SpanStatusCode, type Span, type Tracer } from '@opentelemetry/api';
import type { JobCall } from '../context/index.js';
import { ServiceError } from '../errors/index.js';

/** The root span of a run, named as spans of methods are. */
export function spanOf(tracer: Tracer, method: string, run: JobCall): Span {
  const attributes = { 'job.name': run.job, 'job.scheduled_at': run.scheduledAt.toISOString() };
  return tracer.startSpan(method, { root: true, attributes });
}

/** Whatever was thrown, as an error. */
export function failureOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** A refusal of the vocabulary is told by its reason, the rest with its stack. */
export function endSpan(span: Span | undefined, failure: Error | undefined): void {
  if (failure && span) {
    span.setAttribute('error.type', failure instanceof ServiceError ? failure.reason : failure.name);
    span.setStatus({ code: SpanStatusCode.ERROR });
    if (!(failure instanceof ServiceError)) span.recordException(failure);
  }
  span?.end();
}
