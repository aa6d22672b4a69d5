import type { Call, GrpcCall } from '../context/index.js';
import type { Counter, CounterSeries } from './counter.js';
import type { Gauge } from './gauge.js';
import type { Histogram, HistogramSeries } from './histogram.js';
import type { MetricsRegistry } from './metrics-registry.js';

const MAX_SERIES = 20_000;
const METHOD_LABELS = ['rpc_service', 'rpc_method'] as const;
const LABELS = [...METHOD_LABELS, 'rpc_grpc_status_code'] as const;
const INFO_LABELS = [...METHOD_LABELS, 'rpc_type'] as const;

interface MethodSeries {
  readonly received: CounterSeries;
  readonly sent: CounterSeries;
  readonly byCode: Map<string, HistogramSeries>;
}

/** Messages of an open call that scrapes have counted. */
interface Counted {
  readonly received: number;
  readonly sent: number;
}

const NOTHING: Counted = { received: 0, sent: 0 };

/** Rate, errors, duration and messages of gRPC calls. */
export class RpcMetrics {
  readonly #duration: Histogram<typeof LABELS>;
  readonly #received: Counter<typeof METHOD_LABELS>;
  readonly #sent: Counter<typeof METHOD_LABELS>;
  readonly #info: Gauge<typeof INFO_LABELS>;
  /** Service → method. */
  readonly #methods = new Map<string, Map<string, MethodSeries>>();
  /** Open calls that a scrape has seen; a call that ends before the next scrape never gets here. */
  readonly #counted = new Map<GrpcCall, Counted>();

  constructor(
    registry: MetricsRegistry,
    private readonly open: Iterable<Call>,
  ) {
    this.#duration = registry.histogram({
      name: 'rpc_server_call_duration_seconds',
      help: 'Time from the headers of a gRPC call to the end of its stream.',
      labels: LABELS,
      maxSeries: MAX_SERIES,
    });
    registry.gauge({
      name: 'rpc_server_active_calls',
      help: 'gRPC calls that have not ended.',
      acrossWorkers: 'sum',
      collect: (gauge) => gauge.set([...this.open].filter(({ transport }) => transport === 'grpc').length),
    });
    this.#received = registry.counter({
      name: 'rpc_server_messages_received_total',
      help: 'Messages that gRPC calls have received, open streams included.',
      labels: METHOD_LABELS,
      collect: () => this.#countOpen(),
    });
    this.#sent = registry.counter({
      name: 'rpc_server_messages_sent_total',
      help: 'Messages that gRPC calls have sent, open streams included.',
      labels: METHOD_LABELS,
      collect: () => this.#countOpen(),
    });
    this.#info = registry.gauge({
      name: 'rpc_server_method_info',
      help: 'Always 1 for a method that was called; rpc_type is unary or stream, whose calls may last for days.',
      labels: INFO_LABELS,
    });
  }

  closed(call: GrpcCall): void {
    const method = this.#methodOf(call);
    this.#countMessages(call, method);
    this.#counted.delete(call);
    let series = method.byCode.get(call.code);
    if (!series) {
      series = this.#duration.labels(call.service, call.method, call.code);
      method.byCode.set(call.code, series);
    }
    series.observe(call.durationMs / 1000, call.span, call.endMs);
  }

  /** A stream may last for days: each scrape counts what it has moved since the last one. */
  #countOpen(): void {
    for (const call of this.open) {
      if (call.transport !== 'grpc') continue;
      this.#countMessages(call, this.#methodOf(call));
      this.#counted.set(call, { received: call.messagesIn, sent: call.messagesOut });
    }
  }

  #countMessages(call: GrpcCall, method: MethodSeries): void {
    const before = this.#counted.get(call) ?? NOTHING;
    method.received.value += call.messagesIn - before.received;
    method.sent.value += call.messagesOut - before.sent;
  }

  #methodOf(call: GrpcCall): MethodSeries {
    return this.#methods.get(call.service)?.get(call.method) ?? this.#add(call);
  }

  #add({ service, method, isStream }: GrpcCall): MethodSeries {
    this.#info.labels(service, method, isStream ? 'stream' : 'unary').set(1);
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
