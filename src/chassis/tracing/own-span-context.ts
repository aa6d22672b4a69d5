import type { SpanContext, TraceState } from '@opentelemetry/api';

/**
 * Ids of a span made here. A class, because V8 learns for every object literal whether what it makes
 * lives long, and once wrong about one that every call makes, garbage collections cost five times as much.
 */
export class OwnSpanContext implements SpanContext {
  traceState?: TraceState;

  constructor(
    readonly traceId: string,
    readonly spanId: string,
    readonly traceFlags: number,
    traceState: TraceState | undefined,
  ) {
    if (traceState) this.traceState = traceState;
  }
}
