import { Module, type DynamicModule, type OnModuleInit, type Type } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import type { Logger } from 'pino';
import { Config } from './config/index.js';
import { Database, DatabaseModule } from './database/index.js';
import { HealthModule, HealthService } from './health/index.js';
import { LoggingModule } from './logging/index.js';
import { ManagementServer } from './management/index.js';
import { ErrorFilter, ValidationPipe } from './pipeline/index.js';

/** The order of things: every capability, once, and what ties them together. */
@Module({})
export class ChassisModule implements OnModuleInit {
  constructor(
    private readonly health: HealthService,
    private readonly database: Database,
  ) {}

  /** The whole service: the chassis around the application's own module. */
  static around(
    application: Type,
    config: Config,
    logger: Logger,
    onOpening?: (database: Promise<Database>) => void,
  ): DynamicModule {
    return {
      module: ChassisModule,
      global: true,
      imports: [LoggingModule.forRoot(logger), HealthModule, DatabaseModule.forRoot(onOpening), application],
      providers: [
        { provide: Config, useValue: config },
        { provide: APP_PIPE, useClass: ValidationPipe },
        { provide: APP_FILTER, useClass: ErrorFilter },
        ManagementServer,
      ],
      exports: [Config],
    };
  }

  onModuleInit(): void {
    this.health.addDependency({ name: 'database', check: () => this.database.ping() });
  }
}
