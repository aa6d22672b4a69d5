import { Body, Controller, Get, Injectable, Module, Param, Post, Query } from '@nestjs/common';
import { sql } from 'kysely';
import { z } from 'zod';
import { currentCall } from '#chassis/context';
import { Database, DatabaseModule } from '#chassis/database';
import { ServiceError } from '#chassis/errors';
import { Rpc } from '#chassis/grpc';
import { Returns } from '#chassis/http';
import { createGrpcClientInterceptor, Tracing } from '#chassis/tracing';
import { ErrorInfo } from '#generated/google/rpc/error_details';
import { GrpcTestClient } from './grpc-test-client.js';

/** One method of the fixture's gRPC service; messages are `ErrorInfo`, which has strings and a map. */
function probeMethod<In extends boolean, Out extends boolean>(
  name: string,
  requestStream: In,
  responseStream: Out,
) {
  return {
    path: `/probe.v1.ProbeService/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (message: ErrorInfo) => Buffer.from(ErrorInfo.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => ErrorInfo.decode(bytes),
    responseSerialize: (message: ErrorInfo) => Buffer.from(ErrorInfo.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => ErrorInfo.decode(bytes),
  };
}

/** A service with every shape of call, for tests of the chassis that need no feature. */
export const Probes = {
  unary: probeMethod('Unary', false, false),
  serverStream: probeMethod('ServerStream', false, true),
  clientStream: probeMethod('ClientStream', true, false),
  bidi: probeMethod('Bidi', true, true),
};

/** What a probe is told to do: `reason` is an order such as `echo`, `fail`, `wait`, `endless`. */
export const Order = z.object({
  reason: z.string().regex(/^[a-z-]{1,20}$/, 'must be a lower-case word'),
  domain: z.string().default(''),
  metadata: z.record(z.string(), z.string()).default({}),
});
export type Order = z.output<typeof Order>;

/** Does what it is told, and notes how its calls ended. */
@Injectable()
export class ProbeService {
  /** Reasons of the aborts that a waiting probe has seen. */
  readonly aborts: unknown[] = [];
  /** Messages that the endless stream has made. */
  produced = 0;
  /** Endless streams whose clean-up ran. */
  finished = 0;
  /** Streams of requests that came to their end. */
  received = 0;

  constructor(
    private readonly database: Database,
    private readonly tracing: Tracing,
  ) {}

  async run(order: Order): Promise<Order> {
    if (order.reason === 'fail') throw new Error('a secret of the inside');
    if (order.reason === 'throw-string') throw 'a bare string';
    if (order.reason === 'refuse') throw refused();
    if (order.reason === 'refuse-badly') throw refused({ 'x-echo': 'what\r\nthe: caller says' });
    if (order.reason === 'misfit') return { ...order, domain: Object.create(null) as never };
    if (order.reason === 'wait') await this.#untilAborted();
    if (order.reason === 'ignore-abort') await new Promise((resolve) => setTimeout(resolve, 3000));
    if (order.reason === 'sleep') await sql`select pg_sleep(60)`.execute(this.database.query);
    if (order.reason === 'select')
      await sql`select 1 as one from pg_class limit 1`.execute(this.database.query);
    if (order.reason === 'fetch') await fetch(`http://${order.domain}/probe/select`);
    if (order.reason === 'give-up') await giveUp(`http://${order.domain}/probe/wait`);
    if (order.reason === 'relay') return this.#relay(order);
    if (order.reason === 'broken-query') await sql`select nothing from nowhere`.execute(this.database.query);
    if (order.reason === 'who') return { ...order, domain: currentCall()?.requestId ?? 'nobody' };
    if (order.reason === 'remaining') return { ...order, domain: String(currentCall()?.remainingMs) };
    return order;
  }

  async *stream(order: Order): AsyncGenerator<Order> {
    try {
      for (let index = 0; order.reason === 'endless' || index < 3; index++) {
        if (order.reason === 'fail-late' && index === 2) throw refused();
        this.produced += 1;
        yield { ...(await this.run(order)), metadata: { index: String(index) } };
      }
    } finally {
      this.finished += 1;
    }
  }

  /** Passes `metadata.next` on to the gRPC server at `domain`. */
  async #relay({ domain, metadata }: Order): Promise<Order> {
    const interceptors = [createGrpcClientInterceptor(this.tracing.tracer)];
    const client = new GrpcTestClient(domain);
    try {
      return await client.unary(Probes.unary, order(metadata['next'] ?? 'echo'), { interceptors });
    } finally {
      client.close();
    }
  }

  #untilAborted(): Promise<never> {
    const signal = currentCall()?.signal;
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        this.aborts.push(signal.reason);
        reject(signal.reason as Error);
      });
    });
  }
}

/** Aborts a request with what is no error. */
async function giveUp(url: string): Promise<void> {
  const controller = new AbortController();
  setTimeout(() => controller.abort('gone'), 100);
  await fetch(url, { signal: controller.signal }).catch(() => undefined);
}

function refused(headers?: Record<string, string>): ServiceError {
  return new ServiceError({
    code: 'FAILED_PRECONDITION',
    reason: 'PROBE_REFUSED',
    message: 'The probe was told to refuse',
    metadata: { who: 'probe' },
    retryAfterMs: 1500,
    ...(headers && { headers }),
  });
}

@Controller('probe')
export class ProbeHttpController {
  constructor(private readonly probe: ProbeService) {}

  @Post()
  @Returns(200, Order, 'What it was told')
  post(@Body({ schema: Order }) order: Order): Promise<Order> {
    return this.probe.run(order);
  }

  @Get('query')
  query(@Query({ schema: z.strictObject({ word: z.string().max(5) }) }) query: object): object {
    return query;
  }

  @Get(':reason')
  @Returns(200, Order, 'What it was told')
  get(@Param('reason', { schema: Order.shape.reason }) reason: string): Promise<Order> {
    return this.probe.run({ reason, domain: '', metadata: {} });
  }
}

@Controller()
export class ProbeGrpcController {
  constructor(private readonly probe: ProbeService) {}

  @Rpc(Probes.unary, Order)
  unary(order: Order): Promise<Order> {
    return this.probe.run(order);
  }

  @Rpc(Probes.serverStream, Order)
  serverStream(order: Order): AsyncIterable<Order> {
    return this.probe.stream(order);
  }

  @Rpc(Probes.clientStream, Order)
  async clientStream(orders: AsyncIterable<Order>): Promise<Order> {
    const reasons: string[] = [];
    let domain = '';
    for await (const order of orders) {
      const done = await this.probe.run(order);
      reasons.push(done.reason);
      domain = done.domain;
    }
    this.probe.received += 1;
    return { reason: reasons.join(' '), domain, metadata: {} };
  }

  @Rpc(Probes.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const order of orders) yield this.probe.run(order);
    this.probe.received += 1;
  }
}

/** The fixture feature: give it to `TestApp.start({ imports: [ProbeModule] })`. */
@Module({
  imports: [DatabaseModule],
  controllers: [ProbeHttpController, ProbeGrpcController],
  providers: [ProbeService],
  exports: [ProbeService],
})
export class ProbeModule {}

/** The same order over any shape of call, answered with every message that came back. */
export function order(reason: string): ErrorInfo {
  return { reason, domain: '', metadata: {} };
}
