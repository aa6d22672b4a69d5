import { Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CallObservers } from '../context/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { addLoadSheddingMetrics } from './load-shedding.metrics.js';
import { LoadShedding } from './load-shedding.js';

/** Provides `LoadShedding`, which the transport edges have from before the container, and lets it watch the calls. */
@Module({})
export class LoadSheddingModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly shedding: LoadShedding,
    private readonly observers: CallObservers,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** Once, in the application's root. */
  static forRoot(shedding: LoadShedding): DynamicModule {
    return {
      module: LoadSheddingModule,
      global: true,
      providers: [{ provide: LoadShedding, useValue: shedding }],
      exports: [LoadShedding],
    };
  }

  onModuleInit(): void {
    this.observers.add(this.shedding);
    addLoadSheddingMetrics(this.metrics, this.shedding);
    this.shedding.start();
  }

  onApplicationShutdown(): void {
    this.shedding.stop();
  }
}
