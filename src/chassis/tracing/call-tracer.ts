import { propagation, SpanStatusCode, type Span, type SpanContext } from '@opentelemetry/api';
import type { IncomingHttpHeaders } from 'node:http';
import type { Call, CallObserver } from '../context/index.js';
import { parseBaggage } from './baggage.js';
import { RecordingSpan } from './recording-span.js';
import { parseTraceparent } from './trace-context.js';
import type { Tracer } from './tracer.js';

/** gRPC codes that are a fault of the server. Source: semantic conventions for gRPC, "Recording Errors". */
const SERVER_FAULTS = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** The server span of every call, on both transports: opened and closed where the call is. */
export class CallTracer implements CallObserver {
  readonly #parents = new WeakMap<Span, SpanContext>();

  constructor(
    private readonly tracer: Tracer,
    /** Export the server span of a failed call although its trace was not sampled. */
    private readonly keepErrors: boolean,
  ) {}

  opened(call: Call, headers: IncomingHttpHeaders): void {
    const parent = parseTraceparent(headers['traceparent'], headers['tracestate']);
    const span = this.tracer.startServerSpan(parent, call.startMs);
    call.span = span;
    if (parent && this.keepErrors && !(span instanceof RecordingSpan)) this.#parents.set(span, parent);
    const baggage = parseBaggage(headers['baggage']);
    if (baggage) call.scope = propagation.setBaggage(call.scope, baggage) as typeof call.scope;
  }

  closed(call: Call): void {
    const { span } = call;
    if (span instanceof RecordingSpan) finish(span, call);
    else if (span && this.keepErrors && isServerFault(call)) {
      finish(this.tracer.startAfterwards(span.spanContext(), this.#parents.get(span), call.startMs), call);
    }
  }
}

function finish(span: RecordingSpan, call: Call): void {
  span.call = call;
  if (call.middleware !== undefined) span.setAttribute('middleware.name', call.middleware);
  if (isServerFault(call)) {
    span.setAttribute(
      'error.type',
      call.error?.reason ?? String(call.transport === 'http' ? call.status : call.code),
    );
    span.setStatus({ code: SpanStatusCode.ERROR });
    const cause = call.error?.cause;
    if (cause instanceof Error) span.recordException(cause);
  }
  span.end(call.endMs);
}

function isServerFault(call: Call): boolean {
  return call.transport === 'http' ? call.status >= 500 : SERVER_FAULTS.has(call.code);
}
