/** What the Nest recipes share: metrics interceptor and controller, the public mark, the per-caller throttle. */
import {
  Controller,
  Get,
  Injectable,
  Res,
  SetMetadata,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import { trace } from '@opentelemetry/api';
import { InjectMetric, makeHistogramProvider, PrometheusController } from '@willsoto/nestjs-prometheus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Histogram } from 'prom-client';
import { finalize, type Observable } from 'rxjs';

export const IS_PUBLIC = 'isPublic';

const DURATION = 'http_request_duration_seconds';

export const durationProvider = makeHistogramProvider({
  name: DURATION,
  help: 'Duration of REST calls',
  labelNames: ['method', 'route', 'status'],
});

/** Measures from the interceptor on: what guards refuse is not in it. */
@Injectable()
export class MetricsInterceptor implements NestInterceptor {
  constructor(@InjectMetric(DURATION) private readonly duration: Histogram) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const end = this.duration.startTimer();
    return next
      .handle()
      .pipe(
        finalize(() =>
          end({ method: request.method, route: request.routeOptions.url ?? '', status: reply.statusCode }),
        ),
      );
  }
}

@Controller('metrics')
@SetMetadata(IS_PUBLIC, true)
export class MetricsController extends PrometheusController {
  @Get()
  override index(@Res({ passthrough: true }) response: FastifyReply): Promise<string> {
    return super.index(response);
  }
}

/** A limit for each caller rather than for each address. */
@Injectable()
export class CallerThrottlerGuard extends ThrottlerGuard {
  protected override async getTracker({ user }: { user: { sub: string } }): Promise<string> {
    return user.sub;
  }

  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    return this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, [context.getHandler(), context.getClass()]);
  }
}

/** For pino's `mixin`: the ids of the span at work. */
export function traceFields(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}
