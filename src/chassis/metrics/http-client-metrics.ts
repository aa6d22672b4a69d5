import type { Span } from '@opentelemetry/api';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import { currentScope } from '../context/index.js';
import type { Histogram } from './histogram.js';
import { methodLabel } from './http-method.js';
import type { MetricsRegistry } from './metrics-registry.js';

const LABELS = ['http_request_method', 'server_address', 'http_response_status_code'] as const;

/** What undici tells of a request; the same object comes with each of its messages. */
interface UndiciRequest {
  readonly origin: string | URL;
  readonly method: string;
}

interface OpenRequest {
  readonly startedAt: number;
  /** Of the call that makes the request, for the exemplar. */
  readonly span: Span | undefined;
  status: string;
}

/** Rate, errors and duration of the requests that this process makes with `fetch` and undici. */
export class HttpClientMetrics {
  readonly #duration: Histogram<typeof LABELS>;
  readonly #open = new WeakMap<UndiciRequest, OpenRequest>();

  constructor(registry: MetricsRegistry) {
    this.#duration = registry.histogram({
      name: 'http_client_request_duration_seconds',
      help: 'Time of requests by fetch and undici to the end of the answer; no status code: there was no answer.',
      labels: LABELS,
    });
  }

  start(): void {
    subscribe('undici:request:create', this.#onCreate);
    subscribe('undici:request:headers', this.#onHeaders);
    subscribe('undici:request:trailers', this.#onEnd);
    subscribe('undici:request:error', this.#onEnd);
  }

  stop(): void {
    unsubscribe('undici:request:create', this.#onCreate);
    unsubscribe('undici:request:headers', this.#onHeaders);
    unsubscribe('undici:request:trailers', this.#onEnd);
    unsubscribe('undici:request:error', this.#onEnd);
  }

  readonly #onCreate = (message: unknown): void => {
    const { request } = message as { request: UndiciRequest };
    this.#open.set(request, { startedAt: performance.now(), span: currentScope()?.span, status: '' });
  };

  readonly #onHeaders = (message: unknown): void => {
    const { request, response } = message as { request: UndiciRequest; response: { statusCode: number } };
    const open = this.#open.get(request);
    if (open) open.status = String(response.statusCode);
  };

  readonly #onEnd = (message: unknown): void => {
    const { request } = message as { request: UndiciRequest };
    const open = this.#open.get(request);
    if (!open) return;
    this.#open.delete(request);
    const { hostname } = new URL(request.origin);
    this.#duration
      .labels(methodLabel(request.method), hostname, open.status)
      .observe((performance.now() - open.startedAt) / 1000, open.span);
  };
}
