import { InterceptingCall, status as GrpcStatus, type Interceptor, type Metadata } from '@grpc/grpc-js';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import { performance } from 'node:perf_hooks';
import { currentScope } from '../context/index.js';
import { RpcClientMetrics, type MetricsRegistry } from '../metrics/index.js';
import { RecordingSpan } from './recording-span.js';
import type { Tracer } from './tracer.js';

/** Source: gRPC name resolution, "Name Syntax": of these schemes the authority is a name server's. */
const TARGET = /^(?:dns|ipv4|ipv6):(?:\/\/[^/]*\/)?\[?(.+?)\]?(?::(\d+))?$/;

/**
 * An interceptor for grpc-js clients: a client span for every call made inside a call, unary and
 * streaming, with the trace context and the baggage sent along. With `metrics`, every call counts in
 * `rpc_client_call_duration_seconds`, sampled or not.
 */
export function createGrpcClientInterceptor(tracer: Tracer, metrics?: MetricsRegistry): Interceptor {
  const durations = metrics && new RpcClientMetrics(metrics);
  return (options, nextCall) => {
    const parent = currentScope()?.span;
    const method = options.method_definition.path.slice(1);
    const span =
      parent instanceof RecordingSpan ? tracer.startChild(method, parent, SpanKind.CLIENT) : undefined;
    const call = nextCall(options);
    // It has no peer yet: then it tells the target of its channel.
    span?.setAttributes({ 'rpc.system.name': 'grpc', 'rpc.method': method, ...serverOf(call.getPeer()) });
    const active = context.active();
    const startedAt = performance.now();
    const carrying = span ? trace.setSpan(active, span) : active;
    return new InterceptingCall(call, {
      start(metadata, _listener, next) {
        propagation.inject<Metadata>(carrying, metadata, {
          set: (carrier, name, value) => carrier.set(name, value),
        });
        next(metadata, {
          onReceiveStatus(status, forward) {
            const code = GrpcStatus[status.code] ?? String(status.code);
            if (span) finish(span, code, status.details);
            durations?.closed(method, code, performance.now() - startedAt, span ?? parent);
            forward(status);
          },
        });
      },
    });
  };
}

/** Whom a target such as `dns:///prices:50051` leads to. */
function serverOf(target: string): Attributes {
  const [, address = target, port] = TARGET.exec(target) ?? [];
  return { 'server.address': address, ...(port !== undefined && { 'server.port': Number(port) }) };
}

function finish(span: RecordingSpan, name: string, details: string): void {
  span.setAttribute('rpc.response.status_code', name);
  // A client's fault is every status but OK. Source: semantic conventions for gRPC, "Recording Errors".
  if (name !== 'OK') {
    span.setAttribute('error.type', name);
    span.setStatus({ code: SpanStatusCode.ERROR, message: details });
  }
  span.end();
}
