import type { HttpCall } from '../context/index.js';
import type { GaugeSeries } from './gauge.js';
import type { Histogram, HistogramSeries } from './histogram.js';
import { methodLabel } from './http-method.js';
import type { MetricsRegistry } from './metrics-registry.js';

/** Routes come from the program, statuses from HTTP: only a very large service has more than the default. */
const MAX_SERIES = 20_000;
const LABELS = ['http_request_method', 'http_route', 'http_response_status_code'] as const;

/** Rate, errors and duration of REST calls. */
export class HttpMetrics {
  readonly #duration: Histogram<typeof LABELS>;
  readonly #active: GaugeSeries;
  /** Route → method → status. */
  readonly #series = new Map<string, Map<string, Map<number, HistogramSeries>>>();

  constructor(registry: MetricsRegistry) {
    this.#duration = registry.histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from the first byte of a REST request to the last byte of its answer.',
      labels: LABELS,
      maxSeries: MAX_SERIES,
    });
    this.#active = registry
      .gauge({
        name: 'http_server_active_requests',
        help: 'REST requests that have not been answered.',
        acrossWorkers: 'sum',
      })
      .labels();
  }

  opened(): void {
    this.#active.value += 1;
  }

  closed(call: HttpCall): void {
    this.#active.value -= 1;
    const series = this.#series.get(call.route)?.get(call.method)?.get(call.status) ?? this.#add(call);
    series.observe(call.durationMs / 1000, call.span, call.endMs);
  }

  get active(): number {
    return this.#active.value;
  }

  /** Node parses a few dozen methods; those beyond the standard share their series. */
  #add({ route, method, status }: HttpCall): HistogramSeries {
    const methods = this.#series.get(route) ?? new Map<string, Map<number, HistogramSeries>>();
    this.#series.set(route, methods);
    const statuses = methods.get(method) ?? new Map<number, HistogramSeries>();
    methods.set(method, statuses);
    const series = this.#duration.labels(methodLabel(method), route, String(status));
    statuses.set(status, series);
    return series;
  }
}
