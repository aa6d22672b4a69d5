import { Logger, Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Config } from '../config/index.js';
import { HealthService } from '../health/index.js';
import { AuthGuard } from './auth.guard.js';
import { AuthMetrics } from './auth.metrics.js';
import { Authentication } from './authentication.js';

/** What `AuthGuard` needs, which the root registers before every other guard. */
@Module({
  imports: [DiscoveryModule],
  providers: [AuthMetrics, Authentication, AuthGuard],
  exports: [AuthGuard],
})
export class AuthModule implements OnModuleInit {
  readonly #logger = new Logger(AuthModule.name);

  constructor(
    private readonly authentication: Authentication,
    private readonly health: HealthService,
    private readonly config: Config,
  ) {}

  onModuleInit(): void {
    if (!Object.values(this.authentication.schemes).includes(true)) this.#warnOpen();
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

  #warnOpen(): void {
    const text = 'no authentication is configured: everybody may call everything; see AUTH_* in .env.example';
    const env = this.config.get('APP_ENV');
    if (env === 'staging' || env === 'production') this.#logger.warn(text);
    else this.#logger.log(text);
  }
}
