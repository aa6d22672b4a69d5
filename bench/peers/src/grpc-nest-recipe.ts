/**
 * Nest gRPC with the usual recipe: OpenTelemetry's gRPC instrumentation (`--import` `otel-grpc.js`), one
 * nestjs-pino line and one histogram sample a call from an interceptor, metrics over HTTP.
 */
import 'reflect-metadata';
import {
  Injectable,
  Module,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { InjectMetric, makeHistogramProvider, PrometheusModule } from '@willsoto/nestjs-prometheus';
import { Logger, LoggerModule, PinoLogger } from 'nestjs-pino';
import { Histogram } from 'prom-client';
import { tap, type Observable } from 'rxjs';
import { grpcOptions, ItemsGrpcModule } from './nest-grpc-items.js';
import { traceFields } from './nest-recipe.js';
import { host, port } from './settings.js';

const DURATION = 'rpc_server_duration_seconds';

@Injectable()
class CallInterceptor implements NestInterceptor {
  constructor(
    private readonly logger: PinoLogger,
    @InjectMetric(DURATION) private readonly duration: Histogram,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    const method = context.getHandler().name;
    const stop = this.duration.startTimer({ method });
    const close = (status: string): void => {
      const seconds = stop({ status });
      this.logger.info({ rpc: method, status, latency_ms: seconds * 1000 }, 'call completed');
    };
    return next.handle().pipe(tap({ complete: () => close('OK'), error: () => close('ERROR') }));
  }
}

@Module({
  imports: [
    LoggerModule.forRoot({ pinoHttp: { mixin: traceFields }, forRoutes: [] }),
    PrometheusModule.register(),
    ItemsGrpcModule,
  ],
  providers: [
    makeHistogramProvider({ name: DURATION, help: 'Duration of calls', labelNames: ['method', 'status'] }),
    { provide: APP_INTERCEPTOR, useClass: CallInterceptor },
  ],
})
class AppModule {}

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  bufferLogs: true,
});
app.useLogger(app.get(Logger));
app.connectMicroservice(grpcOptions, { inheritAppConfig: true });
await app.startAllMicroservices();
await app.listen(port, host);
