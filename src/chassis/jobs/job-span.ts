import type { Span, Tracer } from '@opentelemetry/api';
import type { JobCall } from '../context/index.js';

/** The root span of a run, named as spans of methods are. */
export function spanOf(tracer: Tracer, method: string, run: JobCall): Span {
  const attributes = { 'job.name': run.job, 'job.scheduled_at': run.scheduledAt.toISOString() };
  return tracer.startSpan(method, { root: true, attributes });
}

/** Whatever was thrown, as an error. */
export function failureOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
