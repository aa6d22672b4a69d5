import { propagation, SpanStatusCode, type Span, type SpanContext } from '@opentelemetry/api';
import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import {
  UNKNOWN_ROUTE,
  UNKNOWN_RPC,
  type Call,
  type CallObserver,
  type GrpcCall,
  type HttpCall,
} from '../context/index.js';
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
    const span = this.tracer.startServerSpan('', parent);
    call.span = span;
    if (parent && this.keepErrors && !(span instanceof RecordingSpan)) this.#parents.set(span, parent);
    const baggage = parseBaggage(headers['baggage']);
    if (baggage) call.scope = propagation.setBaggage(call.scope, baggage) as typeof call.scope;
  }

  closed(call: Call): void {
    const { span } = call;
    if (span instanceof RecordingSpan) finish(span, call);
    else if (span && this.keepErrors && isServerFault(call)) {
      const startMs = performance.timeOrigin + call.startedAt;
      finish(this.tracer.startAfterwards('', span.spanContext(), this.#parents.get(span), startMs), call);
    }
  }
}

function finish(span: RecordingSpan, call: Call): void {
  if (call.transport === 'http') describeHttp(span, call);
  else describeGrpc(span, call);
  const { attributes } = span;
  if (call.clientIp !== undefined) attributes.push('client.address', call.clientIp);
  if (call.principal !== undefined) attributes.push('enduser.id', call.principal);
  if (isServerFault(call)) {
    attributes.push(
      'error.type',
      call.error?.reason ?? String(call.transport === 'http' ? call.status : call.code),
    );
    span.setStatus({ code: SpanStatusCode.ERROR });
    const cause = call.error?.cause;
    if (cause instanceof Error) span.recordException(cause);
  }
  span.end();
}

/** Source: semantic conventions for HTTP spans (stable). */
function describeHttp(span: RecordingSpan, call: HttpCall): void {
  const { target } = call;
  const query = target.indexOf('?');
  span.name = call.route === UNKNOWN_ROUTE ? call.method : `${call.method} ${call.route}`;
  span.attributes.push(
    'http.request.method', call.method,
    'url.path', query === -1 ? target : target.slice(0, query),
    'url.scheme', 'http',
    'http.response.status_code', call.status,
  ); // prettier-ignore
  if (call.route !== UNKNOWN_ROUTE) span.attributes.push('http.route', call.route);
  if (query !== -1) span.attributes.push('url.query', target.slice(query + 1));
  if (call.userAgent !== undefined) span.attributes.push('user_agent.original', call.userAgent);
}

/** Source: semantic conventions for gRPC (release candidate). */
function describeGrpc(span: RecordingSpan, call: GrpcCall): void {
  const method = call.service === UNKNOWN_RPC ? '_OTHER' : `${call.service}/${call.method}`;
  span.name = call.service === UNKNOWN_RPC ? 'grpc' : method;
  span.attributes.push(
    'rpc.system.name', 'grpc',
    'rpc.method', method,
    'rpc.response.status_code', call.code,
  ); // prettier-ignore
}

function isServerFault(call: Call): boolean {
  return call.transport === 'http' ? call.status >= 500 : SERVER_FAULTS.has(call.code);
}
