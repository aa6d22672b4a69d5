import { Module, type CanActivate, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AuditModule } from './audit/index.js';
import { AuthGuard, AuthModule } from './auth/index.js';
import { Config, type ConfigSources } from './config/index.js';
import { CallObservers } from './context/index.js';
import { FlagsModule } from './flags/index.js';
import { HealthModule } from './health/index.js';
import { JobsModule } from './jobs/index.js';
import { LifecycleModule, Openings, type Shutdown } from './lifecycle/index.js';
import { LiveConfigModule } from './live-config/index.js';
import { LoggingModule, type Logging } from './logging/index.js';
import { ManagementServer } from './management/index.js';
import { MetricsModule } from './metrics/index.js';
import { ErrorFilter, SchemaParameters, ValidationPipe } from './pipeline/index.js';
import { RateLimitGuard, RateLimitModule } from './rate-limit/index.js';
import { RedisModule } from './redis/index.js';
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
    { observers, tracing, auditing }: Telemetry,
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
        LifecycleModule.forRoot(shutdown),
        AuthModule,
        RedisModule,
        RateLimitModule,
        JobsModule,
        FlagsModule,
        AuditModule.forRoot(auditing, config),
        application,
      ],
      providers: [
        { provide: Config, useValue: config },
        { provide: CallObservers, useValue: observers },
        { provide: Openings, useValue: openings },
        ValidationPipe,
        SchemaParameters,
        globalGuard(AuthGuard),
        { provide: APP_GUARD, useExisting: RateLimitGuard },
        { provide: APP_FILTER, useClass: ErrorFilter },
        ManagementServer,
      ],
      exports: [Config, CallObservers, Openings],
    };
  }
}
