/**
 * The NestJS standard recipe: nestjs-pino, OpenTelemetry with auto-instrumentations (`--import`
 * `otel-auto.js`), @willsoto/nestjs-prometheus with an interceptor, a JWT guard as in Nest's
 * documentation, @nestjs/throttler.
 */
import 'reflect-metadata';
import {
  Injectable,
  Module,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, NestFactory, Reflector } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ThrottlerModule } from '@nestjs/throttler';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import type { FastifyRequest } from 'fastify';
import { Logger, LoggerModule } from 'nestjs-pino';
import { ItemsModule } from './nest-items.js';
import {
  CallerThrottlerGuard,
  durationProvider,
  IS_PUBLIC,
  MetricsController,
  MetricsInterceptor,
  traceFields,
} from './nest-recipe.js';
import { host, jwtPublicKey, port } from './settings.js';

@Injectable()
class AuthGuard implements CanActivate {
  constructor(
    private readonly jwt: JwtService,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, [context.getHandler(), context.getClass()])) {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest & { user: object }>();
    const [type, token] = request.headers.authorization?.split(' ') ?? [];
    if (type !== 'Bearer' || !token) throw new UnauthorizedException();
    try {
      request.user = await this.jwt.verifyAsync<object>(token);
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}

@Module({
  imports: [
    // nestjs-pino's default route pattern does not match on this Fastify adapter.
    LoggerModule.forRoot({ pinoHttp: { mixin: traceFields }, forRoutes: ['*path'] }),
    PrometheusModule.register({ controller: MetricsController }),
    JwtModule.register({ publicKey: jwtPublicKey, verifyOptions: { algorithms: ['ES256'] } }),
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1_000_000 }]),
    ItemsModule,
  ],
  providers: [
    durationProvider,
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: CallerThrottlerGuard },
    { provide: APP_INTERCEPTOR, useClass: MetricsInterceptor },
  ],
})
class AppModule {}

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  bufferLogs: true,
});
app.useLogger(app.get(Logger));
await app.listen(port, host);
