import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigSources } from '../config/index.js';
import { LiveConfig } from './live-config.js';

/** Follows the sources that the service has begun with. */
@Module({})
export class LiveConfigModule {
  /** @param sources none where no provider is made */
  static forRoot(sources: ConfigSources | undefined): DynamicModule {
    return {
      module: LiveConfigModule,
      providers: [{ provide: ConfigSources, useValue: sources }, LiveConfig],
      exports: [LiveConfig],
    };
  }
}
