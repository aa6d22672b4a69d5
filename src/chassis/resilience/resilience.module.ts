import { Module, type DynamicModule } from '@nestjs/common';
import { PolicyMetrics } from './policy.metrics.js';
import { PolicyRegistry } from './policy-registry.js';

/** Provides the `PolicyRegistry`, which is there before the container, and counts what its policies do. */
@Module({})
export class ResilienceModule {
  static forRoot(policies: PolicyRegistry): DynamicModule {
    return {
      module: ResilienceModule,
      global: true,
      providers: [{ provide: PolicyRegistry, useValue: policies }, PolicyMetrics],
      exports: [PolicyRegistry],
    };
  }
}
