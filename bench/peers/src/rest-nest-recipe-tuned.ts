/**
 * The same recipe tuned: only the http span (`otel-http.js`), small log serialisers, a key object and a
 * bounded cache of verified tokens, short throttle windows (the store's work grows with a window's hits).
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
import { createPublicKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
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

const CACHED_TOKENS = 10_000;
const PUBLIC_KEY = createPublicKey(jwtPublicKey);

@Injectable()
class AuthGuard implements CanActivate {
  readonly #verified = new Map<string, { exp: number }>();

  constructor(
    private readonly jwt: JwtService,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, [context.getHandler(), context.getClass()])) {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest & { user: object }>();
    const { authorization } = request.headers;
    if (!authorization?.startsWith('Bearer ')) throw new UnauthorizedException();
    request.user = this.#verify(authorization.slice('Bearer '.length));
    return true;
  }

  #verify(token: string): object {
    const known = this.#verified.get(token);
    if (known && known.exp * 1000 > Date.now()) return known;
    try {
      const claims = this.jwt.verify<{ exp: number }>(token);
      if (this.#verified.size >= CACHED_TOKENS) this.#verified.clear();
      this.#verified.set(token, claims);
      return claims;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

const pinoHttp = {
  mixin: traceFields,
  quietReqLogger: true,
  serializers: {
    req: ({ method, url }: IncomingMessage) => ({ method, url }),
    res: ({ statusCode }: ServerResponse) => ({ statusCode }),
  },
  wrapSerializers: false,
};

@Module({
  imports: [
    LoggerModule.forRoot({ pinoHttp, forRoutes: ['*path'] }),
    PrometheusModule.register({ controller: MetricsController }),
    JwtModule.register({
      secretOrKeyProvider: () => PUBLIC_KEY,
      verifyOptions: { algorithms: ['ES256'] },
    }),
    ThrottlerModule.forRoot([{ ttl: 1000, limit: 20_000 }]),
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
