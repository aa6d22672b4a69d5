import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { currentCall } from '#chassis/context';
import { Rpc } from '#chassis/grpc';
import { Priority } from '#chassis/load-shedding';
import { Order, Probes } from './probe.js';

const at = (name: string) => `/busy.v1.BusyService/${name}`;

/** A service whose handlers keep the event loop busy, as important as their names say. */
export const Busy = {
  usual: { ...Probes.unary, path: at('Usual') },
  critical: { ...Probes.unary, path: at('Critical') },
  sheddable: { ...Probes.unary, path: at('Sheddable') },
  listed: { ...Probes.unary, path: at('Listed') },
  /** Keeps a thread busy instead. */
  threads: { ...Probes.unary, path: at('Threads') },
  endless: { ...Probes.serverStream, path: at('Endless') },
};

/** Keeps the loop busy for so many milliseconds; answers how important the call was taken for. */
function work(milliseconds: number): Order {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
  return { reason: currentCall()?.priority ?? 'none', domain: '', metadata: {} };
}

/** Keeps a thread busy for some tens of milliseconds. */
async function workInThread(): Promise<Order> {
  await promisify(pbkdf2)('busy', 'salt', 50_000, 32, 'sha256');
  return work(0);
}

@Controller('busy')
class BusyHttpController {
  @Get('usual/:ms')
  usual(@Param('ms') ms: string): Order {
    return work(Number(ms));
  }

  @Get('critical/:ms')
  @Priority('critical')
  critical(@Param('ms') ms: string): Order {
    return work(Number(ms));
  }

  @Get('sheddable/:ms')
  @Priority('sheddable')
  sheddable(@Param('ms') ms: string): Order {
    return work(Number(ms));
  }

  @Get('listed/:ms')
  listed(@Param('ms') ms: string): Order {
    return work(Number(ms));
  }

  @Get('threads/:ms')
  threads(): Promise<Order> {
    return workInThread();
  }
}

/** Handlers that two controllers share, of which each says something else. */
abstract class SharedController {
  @Get()
  get(): Order {
    return work(0);
  }
}

@Controller('shared/critical')
@Priority('critical')
class CriticalController extends SharedController {}

@Controller('shared/sheddable')
@Priority('sheddable')
class SheddableController extends SharedController {}

@Controller()
@Priority('sheddable')
class BusyGrpcController {
  @Rpc(Busy.usual, Order)
  @Priority('default')
  async usual({ domain }: Order): Promise<Order> {
    return work(Number(domain));
  }

  @Rpc(Busy.critical, Order)
  @Priority('critical')
  async critical({ domain }: Order): Promise<Order> {
    return work(Number(domain));
  }

  @Rpc(Busy.sheddable, Order)
  async sheddable({ domain }: Order): Promise<Order> {
    return work(Number(domain));
  }

  @Rpc(Busy.listed, Order)
  @Priority('default')
  async listed({ domain }: Order): Promise<Order> {
    return work(Number(domain));
  }

  @Rpc(Busy.threads, Order)
  @Priority('default')
  threads(): Promise<Order> {
    return workInThread();
  }

  @Rpc(Busy.endless, Order)
  async *endless(order: Order): AsyncGenerator<Order> {
    yield order;
    await new Promise((resolve) => currentCall()?.signal.addEventListener('abort', resolve));
  }
}

/** The fixture feature: give it to `TestApp.start({ imports: [BusyModule] })`. */
@Module({ controllers: [BusyHttpController, CriticalController, SheddableController, BusyGrpcController] })
export class BusyModule {}
