import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { MetricsRegistry } from '../metrics/index.js';
import { Tracing } from './tracing.js';

/** Provides `Tracing` everywhere and counts what becomes of the spans. */
@Module({})
export class TracingModule implements OnModuleInit {
  constructor(
    private readonly tracing: Tracing,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** Once, in the application's root. */
  static forRoot(tracing: Tracing): DynamicModule {
    return {
      module: TracingModule,
      global: true,
      providers: [{ provide: Tracing, useValue: tracing }],
      exports: [Tracing],
    };
  }

  onModuleInit(): void {
    this.metrics.counter({
      name: 'otel_spans_exported_total',
      help: 'Spans that the collector has taken.',
      collect: (counter) => (counter.labels().value = this.tracing.counts.exported),
    });
    this.metrics.counter({
      name: 'otel_spans_dropped_total',
      help: 'Spans that were lost: the queue was full (queue_full), or the collector refused them or stayed away (refused).',
      labels: ['reason'],
      collect: (counter) => {
        counter.labels('queue_full').value = this.tracing.counts.droppedQueueFull;
        counter.labels('refused').value = this.tracing.counts.droppedRefused;
      },
    });
    this.metrics.gauge({
      name: 'otel_traces_sampling_ratio',
      help: 'Share of the traces beginning here that are recorded, 0 to 1.',
      collect: (gauge) => gauge.set(this.tracing.sampler.ratio),
    });
  }
}
