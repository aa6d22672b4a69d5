import { Global, Module } from '@nestjs/common';
import { Chaos } from './chaos.js';
import { ChaosMetrics } from './chaos.metrics.js';

/** Injects faults on purpose; features import nothing for it. */
@Global()
@Module({
  providers: [ChaosMetrics, Chaos],
  exports: [Chaos],
})
export class ChaosModule {}
