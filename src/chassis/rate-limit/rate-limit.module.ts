import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { RateLimits } from './rate-limits.js';
import { TokenSources } from './token-sources.js';

/** Provides `RateLimits` and the guard, which is registered by whoever orders the guards. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [RateLimitMetrics, TokenSources, RateLimits, RateLimitGuard],
  exports: [RateLimits, RateLimitGuard],
})
export class RateLimitModule {}
