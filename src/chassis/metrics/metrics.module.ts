import {
  Controller,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import type { Server } from 'node:http';
import { register as sharedRegistry, Registry } from 'prom-client';
import { Config } from '../config/index.js';
import { CallObservers } from '../context/index.js';
import { CallMetrics } from './call-metrics.js';
import { HttpClientMetrics } from './http-client-metrics.js';
import { MetricsRegistry } from './metrics-registry.js';
import { RpcClientMetrics } from './rpc-client-metrics.js';
import { addRuntimeMetrics, addServiceInfo } from './runtime-metrics.js';

/** `/metrics` belongs to the management port: on the public one there is nothing. */
@Controller()
class NoPublicMetrics {}

/** Provides `MetricsRegistry` everywhere, and what `@InjectMetric` and `makeCounterProvider` need. */
@Module({})
export class MetricsModule implements OnModuleInit, OnApplicationShutdown {
  #httpClient: HttpClientMetrics | undefined;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly calls: CallMetrics,
    private readonly observers: CallObservers,
    private readonly config: Config,
    private readonly adapter: HttpAdapterHost,
  ) {}

  /** Once, in the application's root. Needs global providers of `Config` and `CallObservers`. */
  static forRoot(): DynamicModule {
    // The shared registry takes no exemplars otherwise; which format a scrape gets is decided for each scrape.
    sharedRegistry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    return {
      module: MetricsModule,
      global: true,
      imports: [
        PrometheusModule.register({
          controller: NoPublicMetrics,
          defaultMetrics: { enabled: false },
          global: true,
        }),
      ],
      providers: [MetricsRegistry, CallMetrics],
      exports: [MetricsRegistry],
    };
  }

  onModuleInit(): void {
    addRuntimeMetrics(this.registry);
    addServiceInfo(this.registry, {
      name: this.config.get('SERVICE_NAME'),
      version: this.config.get('SERVICE_VERSION'),
      env: this.config.get('APP_ENV'),
      commit: this.config.get('SERVICE_COMMIT'),
    });
    this.calls.watchConnections(this.adapter.httpAdapter.getHttpServer() as Server);
    this.observers.add(this.calls);
    // Listed from the start, also by a service that never calls another.
    void new RpcClientMetrics(this.registry);
    this.#httpClient = new HttpClientMetrics(this.registry);
    this.#httpClient.start();
  }

  onApplicationShutdown(): void {
    this.#httpClient?.stop();
  }
}
