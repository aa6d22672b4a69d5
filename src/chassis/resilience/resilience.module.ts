import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { PolicyMetrics } from './policy.metrics.js';
import { PolicyRegistry } from './policy-registry.js';

/** Provides the `PolicyRegistry`, which is there before the container, and counts what its policies do. */
@Module({})
export class ResilienceModule implements OnApplicationBootstrap {
  constructor(private readonly policies: PolicyRegistry) {}

  static forRoot(policies: PolicyRegistry): DynamicModule {
    return {
      module: ResilienceModule,
      global: true,
      providers: [{ provide: PolicyRegistry, useValue: policies }, PolicyMetrics],
      exports: [PolicyRegistry],
    };
  }

  /** Whoever defines a policy has done so. */
  onApplicationBootstrap(): void {
    this.policies.warnOfUnknown();
  }
}
