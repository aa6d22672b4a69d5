import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { RateLimits } from './rate-limits.js';
import { TokenSources } from './token-sources.js';

/** Provides `RateLimits`. The guard, `RateLimitGuard`, is registered by whoever orders the guards. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [RateLimitMetrics, TokenSources, RateLimits],
  exports: [RateLimits],
})
export class RateLimitModule {}
