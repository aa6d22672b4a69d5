import { Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HealthService } from '../health/index.js';
import { AuthGuard } from './auth.guard.js';
import { AuthMetrics } from './auth.metrics.js';
import { Authentication } from './authentication.js';

/** What `AuthGuard` needs, which the root registers before every other guard. */
@Module({
  imports: [DiscoveryModule],
  providers: [AuthMetrics, Authentication, AuthGuard],
  exports: [AuthGuard, Authentication],
})
export class AuthModule implements OnModuleInit {
  constructor(
    private readonly authentication: Authentication,
    private readonly health: HealthService,
  ) {}

  onModuleInit(): void {
    const { jwks } = this.authentication;
    if (!jwks) return;
    this.health.addDependency({
      name: 'jwks',
      kind: 'http',
      isCritical: false,
      check: async () => {
        if (jwks.fault !== undefined) throw new Error(jwks.fault);
      },
    });
  }
}
