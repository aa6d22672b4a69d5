import type { GrpcCall } from '../context/index.js';
import type { Counter, CounterSeries } from './counter.js';
import type { GaugeSeries } from './gauge.js';
import type { Histogram, HistogramSeries } from './histogram.js';
import type { MetricsRegistry } from './metrics-registry.js';

const MAX_SERIES = 20_000;
const METHOD_LABELS = ['rpc_service', 'rpc_method'] as const;
const LABELS = [...METHOD_LABELS, 'rpc_grpc_status_code'] as const;

interface MethodSeries {
  readonly received: CounterSeries;
  readonly sent: CounterSeries;
  readonly byCode: Map<string, HistogramSeries>;
}

/** Rate, errors, duration and messages of gRPC calls. */
export class RpcMetrics {
  readonly #duration: Histogram<typeof LABELS>;
  readonly #active: GaugeSeries;
  readonly #received: Counter<typeof METHOD_LABELS>;
  readonly #sent: Counter<typeof METHOD_LABELS>;
  /** Service → method. */
  readonly #methods = new Map<string, Map<string, MethodSeries>>();

  constructor(registry: MetricsRegistry) {
    this.#duration = registry.histogram({
      name: 'rpc_server_call_duration_seconds',
      help: 'Time from the headers of a gRPC call to the end of its stream.',
      labels: LABELS,
      maxSeries: MAX_SERIES,
    });
    this.#active = registry
      .gauge({ name: 'rpc_server_active_calls', help: 'gRPC calls that have not ended.' })
      .labels();
    this.#received = registry.counter({
      name: 'rpc_server_messages_received_total',
      help: 'Messages that ended gRPC calls have received.',
      labels: METHOD_LABELS,
    });
    this.#sent = registry.counter({
      name: 'rpc_server_messages_sent_total',
      help: 'Messages that ended gRPC calls have sent.',
      labels: METHOD_LABELS,
    });
  }

  opened(): void {
    this.#active.value += 1;
  }

  closed(call: GrpcCall): void {
    this.#active.value -= 1;
    const method = this.#methods.get(call.service)?.get(call.method) ?? this.#add(call);
    method.received.value += call.messagesIn;
    method.sent.value += call.messagesOut;
    let series = method.byCode.get(call.code);
    if (!series) {
      series = this.#duration.labels(call.service, call.method, call.code);
      method.byCode.set(call.code, series);
    }
    series.observe(call.durationMs / 1000, call.span);
  }

  #add({ service, method }: GrpcCall): MethodSeries {
    const methods = this.#methods.get(service) ?? new Map<string, MethodSeries>();
    this.#methods.set(service, methods);
    const series = {
      received: this.#received.labels(service, method),
      sent: this.#sent.labels(service, method),
      byCode: new Map<string, HistogramSeries>(),
    };
    methods.set(method, series);
    return series;
  }
}
