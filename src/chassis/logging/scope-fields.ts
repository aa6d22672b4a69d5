import type { Scope } from '../context/index.js';

/** What ties a line to its call and its trace. */
export interface ScopeFields {
  trace_id?: string;
  span_id?: string;
  /** Two hexadecimal digits, as in `traceparent`. */
  trace_flags?: string;
  request_id?: string;
}

const NO_FIELDS: ScopeFields = {};

/** The fields of the running code's scope, in the order in which a line has them. */
export function scopeFields(scope: Scope | undefined): ScopeFields {
  if (!scope) return NO_FIELDS;
  const fields: ScopeFields = {};
  if (scope.span) {
    const { traceId, spanId, traceFlags } = scope.span.spanContext();
    fields.trace_id = traceId;
    fields.span_id = spanId;
    fields.trace_flags = hexFlags(traceFlags);
  }
  if (scope.call) fields.request_id = scope.call.requestId;
  return fields;
}

/** Trace flags as `traceparent` writes them. */
export function hexFlags(traceFlags: number): string {
  return traceFlags < 16 ? `0${traceFlags.toString(16)}` : traceFlags.toString(16);
}
