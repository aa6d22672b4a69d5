import { Controller, Get, Injectable, Module, Post, Query } from '@nestjs/common';
import { Audit } from '#chassis/audit';
import { Job } from '#chassis/jobs';
import { MetricsRegistry } from '#chassis/metrics';
import { createGrpcClientInterceptor, Tracing } from '#chassis/tracing';
import { GrpcTestClient } from '../support/grpc-test-client.js';
import { order, ProbeModule, Probes } from '../support/probe.js';
import { ObservedMiddleware } from './observed-middleware.js';
import { ObservedPolicies } from './observed-policies.js';

/** Calls others, and does what is audited. */
@Controller('observed')
class ObservedController {
  constructor(
    private readonly tracing: Tracing,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** Whatever comes back, or nothing. */
  @Get('fetch')
  async fetch(@Query('url') url: string): Promise<object> {
    await fetch(url).catch(() => undefined);
    return {};
  }

  @Get('rpc')
  async rpc(@Query('address') address: string): Promise<object> {
    const interceptors = [createGrpcClientInterceptor(this.tracing.tracer, this.metrics)];
    const client = new GrpcTestClient(address);
    await client.unary(Probes.unary, order('echo'), { interceptors }).catch(() => undefined);
    client.close();
    return {};
  }

  @Post('audited')
  @Audit('observed.act')
  async audited(): Promise<object> {
    return {};
  }
}

/** Runs all the time; every second run fails. */
@Injectable()
class ObservedJob {
  #runs = 0;

  @Job({ name: 'observed', everyMs: 500, timeoutMs: 5000 })
  async run(): Promise<void> {
    if (++this.#runs % 2 === 0) throw new Error('failed on purpose');
  }
}

/** A service whose every metric can be made to move; the probe is part of it. */
@Module({
  imports: [ProbeModule],
  controllers: [ObservedController, ObservedPolicies],
  providers: [ObservedJob, ObservedMiddleware],
})
export class ObservedModule {}
