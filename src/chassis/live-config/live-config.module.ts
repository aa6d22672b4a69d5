import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ConfigSources } from '../config/index.js';
import { ConfigListeners } from './config-listeners.js';
import { LiveConfig } from './live-config.js';

/** Follows the sources that the service has begun with, and tells methods with `@OnConfigChange` of changes. */
@Module({})
export class LiveConfigModule {
  /** @param sources none where no provider is made */
  static forRoot(sources: ConfigSources | undefined): DynamicModule {
    return {
      module: LiveConfigModule,
      imports: [DiscoveryModule],
      providers: [{ provide: ConfigSources, useValue: sources }, LiveConfig, ConfigListeners],
      exports: [LiveConfig],
    };
  }
}
