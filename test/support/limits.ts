import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Get, Module, Post, type ExecutionContext } from '@nestjs/common';
import { CallObservers, currentCall, type Call, type CallObserver, type Principal } from '#chassis/context';
import type { ServiceDefinition } from '#chassis';
import { Rpc } from '#chassis/grpc';
import { RateLimit, SkipRateLimit } from '#chassis/rate-limit';
import { service } from '../../src/app.module.js';
import { Order, Probes } from './probe.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const at = (name: string) => `/limits.v1.LimitService/${name}`;

/** A service whose handlers have limits of every kind. */
export const Limited = {
  unary: { ...Probes.unary, path: at('Unary') },
  heavy: { ...Probes.unary, path: at('Heavy') },
  clientStream: { ...Probes.clientStream, path: at('ClientStream') },
  held: { ...Probes.clientStream, path: at('Held') },
  bidi: { ...Probes.bidi, path: at('Bidi') },
};

/** Takes the caller from a header, as an authenticator takes it from a token. */
class Callers implements CallObserver {
  opened(call: Call, headers: IncomingHttpHeaders): void {
    const caller = headers['x-caller'];
    if (typeof caller === 'string') call.principal = principalOf(caller);
  }

  closed(): void {
    // The caller is known from the start.
  }
}

function principalOf(caller: string): Principal {
  const [scheme = 'jwt', id = '', tenant] = caller.split('/');
  const none = new Set<string>();
  return { id, scheme: scheme as 'jwt', tenant, scopes: none, roles: none, claims: {} };
}

@Controller('limits')
class LimitsHttpController {
  @Get('route')
  @RateLimit({ limit: 2, windowMs: MINUTE_MS })
  route(): object {
    return {};
  }

  @Get('both')
  @RateLimit({ name: 'wide', limit: 3, windowMs: MINUTE_MS })
  @RateLimit({ name: 'narrow', limit: 1, windowMs: MINUTE_MS, by: () => currentCall()?.principal?.id })
  both(): object {
    return {};
  }

  @Get('principal')
  @RateLimit({ limit: 1, windowMs: MINUTE_MS, by: 'principal' })
  principal(): object {
    return {};
  }

  @Get('api-key')
  @RateLimit({ limit: 1, windowMs: MINUTE_MS, by: 'api-key' })
  apiKey(): object {
    return {};
  }

  @Get('tenant')
  @RateLimit({ limit: 1, windowMs: MINUTE_MS, by: 'tenant' })
  tenant(): object {
    return {};
  }

  @Get('ip')
  @RateLimit({ limit: 1, windowMs: MINUTE_MS, by: 'ip' })
  ip(): object {
    return {};
  }

  @Post('weight')
  @RateLimit({
    limit: 10,
    windowMs: MINUTE_MS,
    cost: (_call, context) => bodyOf(context).weight,
  })
  weight(@Body() body: { weight: number }): object {
    return body;
  }

  @Post('named')
  @RateLimit({
    limit: 1,
    windowMs: MINUTE_MS,
    by: (_call, context) => bodyOf(context).name,
  })
  named(): object {
    return {};
  }

  @Get('shared')
  @RateLimit({ name: 'shared', limit: 1, windowMs: MINUTE_MS, by: 'all' })
  shared(): object {
    return {};
  }

  @Get('shared-too')
  @RateLimit({ name: 'shared', limit: 1, windowMs: MINUTE_MS, by: 'all' })
  sharedToo(): object {
    return {};
  }

  @Get('warm')
  @RateLimit({ name: 'warm', limit: 100, burst: 10, by: 'all' })
  warm(): object {
    return {};
  }

  @Get('daily')
  @RateLimit({ name: 'daily', limit: 1000, windowMs: DAY_MS, by: 'all' })
  daily(): object {
    return {};
  }

  @Get('free')
  free(): object {
    return {};
  }
}

function bodyOf(context: ExecutionContext): { readonly weight: number; readonly name: string } {
  return context.switchToHttp().getRequest<{ body: { weight: number; name: string } }>().body;
}

@Controller()
@RateLimit({ name: 'LimitService', limit: 2, windowMs: MINUTE_MS })
class LimitsGrpcController {
  @Rpc(Limited.unary, Order)
  async unary(order: Order): Promise<Order> {
    return order;
  }

  @Rpc(Limited.heavy, Order)
  @SkipRateLimit()
  async heavy(order: Order): Promise<Order> {
    return order;
  }

  @RateLimit({ name: 'messages', limit: 3, windowMs: MINUTE_MS, per: 'message' })
  @Rpc(Limited.clientStream, Order)
  clientStream(orders: AsyncIterable<Order>): Promise<Order> {
    return count(orders);
  }

  @RateLimit({ name: 'held', limit: 100, windowMs: 1000, burst: 1, per: 'message', excess: 'wait' })
  @Rpc(Limited.held, Order)
  held(orders: AsyncIterable<Order>): Promise<Order> {
    return count(orders);
  }

  @RateLimit({ name: 'bidi', limit: 3, windowMs: MINUTE_MS, per: 'message' })
  @Rpc(Limited.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const order of orders) yield order;
  }
}

async function count(orders: AsyncIterable<Order>): Promise<Order> {
  let messages = 0;
  for await (const _ of orders) messages += 1;
  return { reason: String(messages), domain: '', metadata: {} };
}

/** The fixture feature: give it to `TestApp.start({ imports: [LimitsModule] })`. */
@Module({
  controllers: [LimitsHttpController, LimitsGrpcController],
})
export class LimitsModule {
  constructor(observers: CallObservers) {
    observers.add(new Callers());
  }
}

/** The fixture as a service of its own, without a database. */
export const limitsService: ServiceDefinition = { module: LimitsModule, root: service.root };
