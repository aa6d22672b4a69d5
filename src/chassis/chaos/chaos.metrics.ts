import { Injectable } from '@nestjs/common';
import type { FaultKind } from '../config/index.js';
import { MetricsRegistry, type Counter } from '../metrics/index.js';

/** What operators see of faults on purpose. */
@Injectable()
export class ChaosMetrics {
  readonly #injected: Counter<['kind', 'target']>;

  constructor(private readonly registry: MetricsRegistry) {
    this.#injected = registry.counter({
      name: 'chaos_faults_injected_total',
      help: 'Faults that were injected on purpose, by kind and by what they were done to: http, grpc, or a dependency.',
      labels: ['kind', 'target'],
    });
  }

  injected(kind: FaultKind, target: string): void {
    this.#injected.labels(kind, target).inc();
  }

  /** Adds what is read at the scrape. */
  watch(countActive: () => number): void {
    this.registry.gauge({
      name: 'chaos_faults_active',
      help: 'Faults on purpose that are active; anything but 0 means that failures are made here.',
      collect: (gauge) => gauge.set(countActive()),
    });
  }
}
