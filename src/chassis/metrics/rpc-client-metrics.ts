import type { Span } from '@opentelemetry/api';
import type { Histogram } from './histogram.js';
import type { MetricsRegistry } from './metrics-registry.js';

const LABELS = ['rpc_service', 'rpc_method', 'rpc_grpc_status_code'] as const;

/** Rate, errors and duration of gRPC calls to other services. */
export class RpcClientMetrics {
  readonly #duration: Histogram<typeof LABELS>;

  constructor(registry: MetricsRegistry) {
    this.#duration = registry.histogram({
      name: 'rpc_client_call_duration_seconds',
      help: 'Time of gRPC calls to other services, from their start to their status.',
      labels: LABELS,
    });
  }

  /** @param method `package.Service/Method`; @param code canonical name */
  closed(method: string, code: string, durationMs: number, span: Span | undefined): void {
    const [service = '', name = ''] = method.split('/', 2);
    this.#duration.labels(service, name, code).observe(durationMs / 1000, span);
  }
}
