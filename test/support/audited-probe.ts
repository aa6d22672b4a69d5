import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  Param,
  Post,
  StreamableFile,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Metadata } from '@grpc/grpc-js';
import { interval, map, type Observable } from 'rxjs';
import { Audit, AuditRecorder } from '#chassis/audit';
import { currentCall, type Principal } from '#chassis/context';
import { ServiceError } from '#chassis/errors';
import { Rpc } from '#chassis/grpc';
import { Order, Probes } from './probe.js';

/** One line of the trail. */
export type AuditLine = Readonly<Record<string, unknown>>;

const ALICE: Principal = {
  id: 'alice',
  scheme: 'api-key',
  scopes: new Set(),
  roles: new Set(),
  tenant: 'acme',
  claims: {},
};

/** Knows Alice; refuses whoever sends `x-refuse`, with that code; holds whoever sends `x-hold`. */
@Injectable()
export class ProbeGuard implements CanActivate {
  /** Calls that are held, as what lets each of them in. */
  readonly held: (() => void)[] = [];

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (headerOf(context, 'x-hold') !== undefined)
      return new Promise((resolve) => this.held.push(() => resolve(true)));
    const code = headerOf(context, 'x-refuse');
    if (code !== undefined)
      throw new ServiceError({ code: code as 'UNAUTHENTICATED', reason: 'PROBE_DENIED', message: 'no' });
    const call = currentCall();
    if (call && headerOf(context, 'x-who') === 'alice') call.principal = ALICE;
    return true;
  }
}

function headerOf(context: ExecutionContext, name: string): string | undefined {
  if (context.getType() === 'rpc') return context.getArgByIndex<Metadata>(1).get(name)[0]?.toString();
  return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers[name];
}

/** Does what it is told, and counts how often it worked. */
@Injectable()
export class AuditedService {
  runs = 0;

  constructor(private readonly audit: AuditRecorder) {}

  async run(order: Order): Promise<Order> {
    this.runs += 1;
    if (order.reason === 'refuse')
      throw new ServiceError({ code: 'FAILED_PRECONDITION', reason: 'PROBE_REFUSED', message: 'refused' });
    if (order.reason === 'fail') throw new Error('a secret of the inside');
    if (order.reason === 'below') await this.below('of-below');
    if (order.reason === 'by-hand')
      await this.audit.record({
        action: 'probe.by-hand',
        target: 'hand',
        detail: { password: 'hunter2', deep: { Token: 't', kept: 1n } },
      });
    return order;
  }

  @Audit('probe.run', { target: (target: string) => target, begin: true })
  async below(target: string): Promise<string> {
    return target;
  }

  /** Numbers: two, one before it fails, or without an end. */
  async *count(until: string): AsyncGenerator<number> {
    const end = until === 'endless' ? Infinity : 2;
    for (let index = 0; index < end; index++) {
      yield index;
      if (until === 'failure') throw new Error('a secret of the inside');
      if (until === 'endless') await setTimeout(1);
    }
  }

  @Audit('probe.iterate')
  async *iterate(count: number): AsyncGenerator<number> {
    for (let index = 0; index < count; index++) yield index;
  }
}

@Controller('probe')
class AuditedHttpController {
  constructor(private readonly service: AuditedService) {}

  @Post()
  @Audit('probe.run', { target: ({ reason }: Order) => reason })
  post(@Body({ schema: Order }) order: Order): Promise<Order> {
    return this.service.run(order);
  }

  @Get('stream/:reason')
  @Audit('probe.stream', { target: (reason: string) => reason })
  stream(@Param('reason') reason: string): AsyncIterable<unknown> {
    return reason === 'file' ? createReadStream('/no/such/file') : this.service.count(reason);
  }
}

@Controller('probe')
class AuditedFilesController {
  constructor(private readonly service: AuditedService) {}

  @Get('StreamableFile/:reason')
  @Audit('probe.stream', { target: (reason: string) => reason })
  async file(@Param('reason') reason: string): Promise<StreamableFile> {
    return new StreamableFile(
      reason === 'file' ? createReadStream('/no/such/file') : Readable.from(this.#text(reason)),
    );
  }

  @Get('Response/:reason')
  @Audit('probe.stream', { target: (reason: string) => reason })
  async response(@Param('reason') reason: string): Promise<Response> {
    if (reason !== 'file') return new Response(ReadableStream.from(this.#text(reason)));
    return new Response(Readable.toWeb(createReadStream('/no/such/file')) as ReadableStream);
  }

  async *#text(reason: string): AsyncGenerator<Buffer> {
    for await (const number of this.service.count(reason)) yield Buffer.from(`${number}\n`);
  }
}

@Controller()
class AuditedGrpcController {
  constructor(private readonly service: AuditedService) {}

  @Audit('probe.run', { target: ({ reason }: Order) => reason })
  @Rpc(Probes.unary, Order)
  unary(order: Order): Promise<Order> {
    return this.service.run(order);
  }

  @Rpc(Probes.serverStream, Order)
  @Audit('probe.run', { target: ({ reason }: Order) => reason })
  serverStream(order: Order): AsyncIterable<Order> | Observable<Order> {
    if (order.reason === 'endless') return interval(1).pipe(map(() => order));
    return this.#stream(order);
  }

  @Rpc(Probes.clientStream, Order)
  @Audit('probe.run')
  async clientStream(orders: AsyncIterable<Order>): Promise<Order> {
    let last: Order = { reason: 'none', domain: '', metadata: {} };
    for await (const order of orders) last = await this.service.run(order);
    return last;
  }

  @Rpc(Probes.bidi, Order)
  @Audit('probe.run')
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const order of orders) yield this.service.run(order);
  }

  async *#stream(order: Order): AsyncGenerator<Order> {
    for (let index = 0; index < 2; index++) yield this.service.run(order);
  }
}

/** The probe's calls, audited as `probe.run`, and a streamed answer over REST, as `probe.stream`. */
@Module({
  controllers: [AuditedHttpController, AuditedFilesController, AuditedGrpcController],
  providers: [AuditedService, ProbeGuard, { provide: APP_GUARD, useExisting: ProbeGuard }],
})
export class AuditedProbeModule {}

/** Every line of the files of a trail, in the order of its chains. */
export function readTrail(directory: string): AuditLine[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as AuditLine);
}
