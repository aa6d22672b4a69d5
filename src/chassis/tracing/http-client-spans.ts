import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { redactQuery } from '../config/index.js';
import { currentScope } from '../context/index.js';
import { whyOf } from '../errors/index.js';
import { Attempt } from '../resilience/index.js';
import { RecordingSpan } from './recording-span.js';
import type { Tracer } from './tracer.js';

/** What undici tells of a request; the same object comes with each of its messages. */
interface UndiciRequest {
  readonly origin: string | URL;
  readonly path: string;
  readonly method: string;
  addHeader(name: string, value: string): void;
}

/**
 * A client span for every request of undici and of Node's `fetch` made inside a call, with the trace
 * context and the baggage sent along. Nothing is patched: undici publishes to diagnostics channels.
 */
export class HttpClientSpans {
  readonly #spans = new WeakMap<UndiciRequest, RecordingSpan>();

  constructor(private readonly tracer: Tracer) {}

  start(): void {
    subscribe('undici:request:create', this.#onCreate);
    subscribe('undici:request:headers', this.#onHeaders);
    subscribe('undici:request:trailers', this.#onEnd);
    subscribe('undici:request:error', this.#onError);
  }

  stop(): void {
    unsubscribe('undici:request:create', this.#onCreate);
    unsubscribe('undici:request:headers', this.#onHeaders);
    unsubscribe('undici:request:trailers', this.#onEnd);
    unsubscribe('undici:request:error', this.#onError);
  }

  readonly #onCreate = (message: unknown): void => {
    const { request } = message as { request: UndiciRequest };
    const scope = currentScope();
    if (!scope?.span) return;
    let carrying = context.active();
    if (scope.span instanceof RecordingSpan) {
      const span = this.tracer.startChild(request.method, scope.span, SpanKind.CLIENT);
      describe(span, request);
      if (scope.attempt instanceof Attempt && scope.attempt.number > 1)
        span.setAttribute('http.request.resend_count', scope.attempt.number - 1);
      this.#spans.set(request, span);
      carrying = trace.setSpan(carrying, span);
    }
    propagation.inject(carrying, request, { set: (carrier, name, value) => carrier.addHeader(name, value) });
  };

  readonly #onHeaders = (message: unknown): void => {
    const { request, response } = message as { request: UndiciRequest; response: { statusCode: number } };
    const span = this.#spans.get(request);
    if (!span) return;
    span.setAttribute('http.response.status_code', response.statusCode);
    // A client's fault is any 4xx and 5xx: it did not get what it asked for.
    if (response.statusCode < 400) return;
    span.setAttribute('error.type', String(response.statusCode));
    span.setStatus({ code: SpanStatusCode.ERROR });
  };

  readonly #onEnd = (message: unknown): void => {
    this.#spans.get((message as { request: UndiciRequest }).request)?.end();
  };

  readonly #onError = (message: unknown): void => {
    // What a signal is aborted with, too: anything.
    const { request, error } = message as { request: UndiciRequest; error: unknown };
    const span = this.#spans.get(request);
    if (!span) return;
    span.setAttribute('error.type', error instanceof Error ? error.name : '_OTHER');
    span.setStatus({ code: SpanStatusCode.ERROR, message: whyOf(error) });
    span.end();
  };
}

/** Source: semantic conventions for HTTP client spans (stable). */
function describe(span: RecordingSpan, { origin, path, method }: UndiciRequest): void {
  // Of the origin alone: a path that begins with `//` would be read as another host.
  const url = new URL(origin);
  span.setAttributes({
    'http.request.method': method,
    'url.full': url.origin + redactQuery(path),
    'server.address': url.hostname,
    'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  });
}
