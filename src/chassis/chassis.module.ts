import { Module, type CanActivate, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AuditModule } from './audit/index.js';
import { AuthGuard, AuthModule } from './auth/index.js';
import { ChaosModule } from './chaos/index.js';
import { ClientsModule } from './clients/index.js';
import { Config, type ConfigSources } from './config/index.js';
import { CallObservers } from './context/index.js';
import { FlagsModule } from './flags/index.js';
import { HealthModule } from './health/index.js';
import { JobsModule } from './jobs/index.js';
import { LifecycleModule, Openings, type Shutdown } from './lifecycle/index.js';
import { LiveConfigModule } from './live-config/index.js';
import { LoadSheddingModule, type LoadShedding } from './load-shedding/index.js';
import { LoggingModule, type Logging } from './logging/index.js';
import { ManagementServer } from './management/index.js';
import { MetricsModule } from './metrics/index.js';
import { MiddlewareModule } from './middleware/index.js';
import { ErrorFilter, SchemaParameters, ValidationPipe } from './pipeline/index.js';
import { RateLimitGuard, RateLimitModule } from './rate-limit/index.js';
import { RedisModule } from './redis/index.js';
import { ResilienceModule } from './resilience/index.js';
import type { Telemetry } from './telemetry.js';
import { TracingModule } from './tracing/index.js';

/** A guard of every handler; one that has nothing to decide costs nothing, not even a span. */
function globalGuard<Guard extends CanActivate & { readonly isNeeded: boolean }>(
  type: Type<Guard>,
): Provider {
  return {
    provide: APP_GUARD,
    inject: [type],
    useFactory: (guard: Guard) => (guard.isNeeded ? guard : undefined),
  };
}

/** The order of things: every capability, once, and what ties them together. */
@Module({})
export class ChassisModule {
  /** The whole service: the chassis around the application's own module. */
  static around(
    application: Type,
    { config, sources }: { readonly config: Config; readonly sources?: ConfigSources },
    logging: Logging,
    { observers, tracing, auditing, policies, middlewares }: Telemetry,
    shedding: LoadShedding,
    openings: Openings,
    shutdown: Shutdown,
  ): DynamicModule {
    return {
      module: ChassisModule,
      global: true,
      imports: [
        DiscoveryModule,
        MetricsModule.forRoot(),
        TracingModule.forRoot(tracing),
        LoggingModule.forRoot(logging),
        HealthModule,
        LiveConfigModule.forRoot(sources),
        LoadSheddingModule.forRoot(shedding),
        LifecycleModule.forRoot(shutdown),
        AuthModule,
        RedisModule,
        ClientsModule,
        RateLimitModule,
        ResilienceModule.forRoot(policies),
        JobsModule,
        ChaosModule,
        FlagsModule,
        AuditModule.forRoot(auditing, config),
        MiddlewareModule.forRoot(middlewares),
        application,
      ],
      providers: [
        { provide: Config, useValue: config },
        { provide: CallObservers, useValue: observers },
        { provide: Openings, useValue: openings },
        ValidationPipe,
        SchemaParameters,
        globalGuard(AuthGuard),
        globalGuard(RateLimitGuard),
        { provide: APP_FILTER, useClass: ErrorFilter },
        ManagementServer,
      ],
      exports: [Config, CallObservers, Openings],
    };
  }
}
