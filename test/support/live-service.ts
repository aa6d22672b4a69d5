import { Controller, Get, Module, Query } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ServiceDefinition } from '#chassis';
import { Config, live, type ConfigOf } from '#chassis/config';
import { Rpc } from '#chassis/grpc';
import { service } from '../../src/app.module.js';
import { Order, Probes } from './probe.js';

const text = () => z.string().max(200);

/** Keys of a service whose configuration changes while it runs. */
export const liveShape = {
  GREETING: live(text().default('hello').describe('Said first.')),
  FAREWELL: live(text().default('bye').describe('Said last; a test changes both together.')),
  FOOTER: live(text().optional().describe('May be left out.')),
  FOOTER_TOKEN: live(text().optional().describe('A secret that may be left out.')),
  GREETING_TOKEN: live(text().default('').describe('A secret.')),
  FIXED: text().default('stone').describe('Needs a restart.'),
};
export type LiveKeys = ConfigOf<typeof liveShape>;

export const LiveRpcs = {
  unary: { ...Probes.unary, path: '/live.v1.LiveService/Unary' },
  serverStream: { ...Probes.serverStream, path: '/live.v1.LiveService/ServerStream' },
  bidi: { ...Probes.bidi, path: '/live.v1.LiveService/Bidi' },
};

/** What a call reads at its beginning and, `waitMs` later, at its end. */
async function readTwice(config: Config<LiveKeys>, waitMs: number): Promise<Record<string, string>> {
  const first = config.get('GREETING');
  await sleep(waitMs);
  return {
    first,
    last: config.get('GREETING'),
    farewell: config.get('FAREWELL'),
    now: config.values.GREETING,
  };
}

@Controller('live')
class LiveHttpController {
  constructor(private readonly config: Config<LiveKeys>) {}

  @Get()
  read(@Query('wait') wait = '0'): Promise<object> {
    return readTwice(this.config, Number(wait));
  }
}

@Controller()
class LiveGrpcController {
  constructor(private readonly config: Config<LiveKeys>) {}

  @Rpc(LiveRpcs.unary, Order)
  async unary({ metadata }: Order): Promise<Order> {
    return this.#answer(Number(metadata['wait'] ?? '0'));
  }

  @Rpc(LiveRpcs.serverStream, Order)
  async *serverStream({ metadata }: Order): AsyncGenerator<Order> {
    for (let message = 0; message < 3; message++) yield this.#answer(Number(metadata['wait'] ?? '0'));
  }

  @Rpc(LiveRpcs.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const { metadata } of orders) yield this.#answer(Number(metadata['wait'] ?? '0'));
  }

  async #answer(waitMs: number): Promise<Order> {
    return { reason: 'read', domain: '', metadata: await readTwice(this.config, waitMs) };
  }
}

@Module({ controllers: [LiveHttpController, LiveGrpcController] })
class LiveModule {}

/** Without a database: give it to `TestApp.start({ service: liveService })`. */
export const liveService: ServiceDefinition = { module: LiveModule, root: service.root, config: liveShape };
