import { Global, Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DrainHooks } from './drain-hooks.js';
import { Shutdown } from './shutdown.js';

/** Provides `Shutdown` everywhere. */
@Global()
@Module({})
export class LifecycleModule {
  static forRoot(shutdown: Shutdown): DynamicModule {
    return {
      module: LifecycleModule,
      imports: [DiscoveryModule],
      providers: [DrainHooks, { provide: Shutdown, useValue: shutdown }],
      exports: [DrainHooks, Shutdown],
    };
  }
}
