import { SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';

interface QuerySummary {
  /** Such as `select orders`. */
  readonly name: string;
  readonly attributes: Attributes;
}

const TARGET = /\b(?:from|into|update|table)\s+(?:only\s+)?"?([\w.]+)"?/i;
/** Statements are few, since values travel as parameters; should they not be, summaries are made anew. */
const MAX_SUMMARIES = 1000;
const summaries = new Map<string, QuerySummary>();

/**
 * A client span for a statement that runs inside a sampled call, `undefined` for any other.
 * Source: semantic conventions for database client spans (stable).
 */
export function startQuerySpan(text: string): Span | undefined {
  if (trace.getActiveSpan()?.isRecording() !== true) return undefined;
  const { name, attributes } = summarize(text);
  return trace.getTracer('chassis').startSpan(name, { kind: SpanKind.CLIENT, attributes });
}

/** Ends the span with what the statement failed with, as far as PostgreSQL has a code for it. */
export function failQuerySpan(span: Span | undefined, error: unknown): void {
  if (!span) return;
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code !== undefined) span.setAttribute('db.response.status_code', code);
  span.setAttribute('error.type', code ?? (error instanceof Error ? error.name : '_OTHER'));
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function summarize(text: string): QuerySummary {
  const known = summaries.get(text);
  if (known) return known;
  const operation = (/^\s*(\w+)/.exec(text)?.[1] ?? 'query').toLowerCase();
  const collection = TARGET.exec(text)?.[1];
  const summary = {
    name: collection === undefined ? operation : `${operation} ${collection}`,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.text': text,
      ...(collection !== undefined && { 'db.collection.name': collection }),
    },
  };
  if (summaries.size >= MAX_SUMMARIES) summaries.clear();
  summaries.set(text, summary);
  return summary;
}
