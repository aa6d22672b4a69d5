import type { SpanContext, TraceState } from '@opentelemetry/api';
import type { RandomId } from './random-id.js';

/**
 * Ids of a span made here. A class, because V8 learns for every object literal whether what it makes
 * lives long, and once wrong about one that every call makes, garbage collections cost five times as much.
 */
export class OwnSpanContext implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  traceState?: TraceState;
  readonly #trace: RandomId | undefined;
  readonly #span: RandomId;

  /** @param trace as text where it is a caller's */
  constructor(
    trace: RandomId | string,
    span: RandomId,
    readonly traceFlags: number,
    traceState: TraceState | undefined,
  ) {
    this.#trace = typeof trace === 'string' ? undefined : trace;
    this.#span = span;
    this.traceId = typeof trace === 'string' ? trace : trace.digits;
    this.spanId = span.digits;
    if (traceState) this.traceState = traceState;
  }

  /** `traceId` for the next span of the trace, or for whoever writes it. */
  get trace(): RandomId | string {
    return this.#trace ?? this.traceId;
  }

  /** `spanId` for whoever writes it. */
  get span(): RandomId {
    return this.#span;
  }
}

/** The trace of any span: as an id where it was made here, else as the digits that a caller gave. */
export function traceOf(context: SpanContext): RandomId | string {
  return context instanceof OwnSpanContext ? context.trace : context.traceId;
}

/** The same of the span itself. */
export function spanOf(context: SpanContext): RandomId | string {
  return context instanceof OwnSpanContext ? context.span : context.spanId;
}
