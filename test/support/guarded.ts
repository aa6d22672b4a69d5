import { Controller, Get, Injectable, Module, Post } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { CallObservers, currentLimits, type Call } from '#chassis/context';
import { ServiceError } from '#chassis/errors';
import { Rpc } from '#chassis/grpc';
import {
  Bulkhead,
  CircuitBreaker,
  Fallback,
  Retry,
  Timeout,
  type FallbackContext,
} from '#chassis/resilience';
import type { ServiceDefinition } from '#chassis';
import { service } from '../../src/app.module.js';
import { Order, Probes } from './probe.js';

const at = (name: string) => `/guarded.v1.GuardedService/${name}`;

/** A service whose handlers have policies of every kind. */
export const Guarded = {
  ask: { ...Probes.unary, path: at('Ask') },
  price: { ...Probes.unary, path: at('Price') },
  plain: { ...Probes.unary, path: at('Plain') },
  prices: { ...Probes.serverStream, path: at('Prices') },
  held: { ...Probes.serverStream, path: at('Held') },
  watch: { ...Probes.serverStream, path: at('Watch') },
  late: { ...Probes.clientStream, path: at('Late') },
  talk: { ...Probes.bidi, path: at('Talk') },
};

const answer = (reason: string): Order => ({ reason, domain: '', metadata: {} });

/** Does what the test wants next: `away`, `hang`, `bad`, `late`, `bug`, or answers. */
@Injectable()
export class Dependency {
  readonly next: string[] = [];
  calls = 0;
  /** Where the shadow service answers. */
  shadowUrl = '';

  async ask(): Promise<Order> {
    this.calls += 1;
    const what = this.next.shift();
    if (what === 'hang') await new Promise(() => undefined);
    if (what === 'late') await new Promise((resolve) => setTimeout(resolve, 60));
    if (what === 'bug') throw new TypeError('nobody meant this');
    if (what === 'away')
      throw new ServiceError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'The dependency is away' });
    if (what === 'bad')
      throw new ServiceError({ code: 'INVALID_ARGUMENT', reason: 'BAD', message: 'The order is bad' });
    return answer('live');
  }
}

/** P0: what was known last, within 100 ms; P1: a shadow service, within 300 ms; P2: a fixed answer. */
@Injectable()
export class Prices {
  snapshot: Order | undefined;

  constructor(private readonly dependency: Dependency) {}

  @CircuitBreaker({ name: 'prices', minRequestAmount: 4, threshold: 1, retryTimeoutMs: 60_000 })
  @Timeout(300)
  @Fallback([
    { name: 'snapshot', timeoutMs: 100, run: 'lastKnown' },
    { name: 'shadow', timeoutMs: 300, when: isPaying, run: 'askShadow' },
    { name: 'static', timeoutMs: 10, value: answer('static') },
  ])
  async price(): Promise<Order> {
    return this.dependency.ask();
  }

  async lastKnown(): Promise<Order> {
    if (this.snapshot) return this.snapshot;
    throw new ServiceError({ code: 'NOT_FOUND', reason: 'NO_SNAPSHOT', message: 'Nothing was known' });
  }

  async askShadow({ call }: FallbackContext): Promise<Order> {
    const headers = { 'x-for': call?.principal?.id ?? '' };
    const signal = currentLimits()?.signal ?? null;
    return (await fetch(this.dependency.shadowUrl, { headers, signal })).json() as Promise<Order>;
  }
}

function isPaying({ call, load }: FallbackContext): boolean {
  return call?.principal?.scopes.has('paying') === true && load <= 1;
}

@Controller('guarded')
export class GuardedHttpController {
  constructor(
    private readonly dependency: Dependency,
    private readonly prices: Prices,
  ) {}

  @Get('ask')
  @Timeout(300, { name: 'ask' })
  @Retry({ baseMs: 1 })
  ask(): Promise<Order> {
    return this.dependency.ask();
  }

  @Get('price')
  price(): Promise<Order> {
    return this.prices.price();
  }

  @Get('plain')
  plain(): Promise<Order> {
    return this.dependency.ask();
  }

  @Post('plain')
  create(): Promise<Order> {
    return this.dependency.ask();
  }

  @Get('watch')
  async *watch(): AsyncGenerator<Order> {
    yield await this.dependency.ask();
    yield await this.dependency.ask();
  }

  @Get('sync')
  sync(): Order {
    return answer('sync');
  }
}

@Controller()
export class GuardedGrpcController {
  constructor(
    private readonly dependency: Dependency,
    private readonly prices: Prices,
  ) {}

  @Retry({ name: 'ask-rpc', baseMs: 1, isIdempotent: true })
  @Timeout(300)
  @Rpc(Guarded.ask, Order)
  ask(): Promise<Order> {
    return this.dependency.ask();
  }

  @Rpc(Guarded.price, Order)
  price(): Promise<Order> {
    return this.prices.price();
  }

  @Rpc(Guarded.plain, Order)
  plain(): Promise<Order> {
    return this.dependency.ask();
  }

  /** Its first message comes from under the policy of `Prices`, or is a step's. */
  @Rpc(Guarded.prices, Order)
  async *streamPrices(): AsyncGenerator<Order> {
    yield await this.prices.price();
    yield await this.prices.price();
  }

  @Bulkhead({ name: 'held', maxConcurrent: 1 })
  @Timeout(300)
  @Rpc(Guarded.held, Order)
  async *held(): AsyncGenerator<Order> {
    yield await this.dependency.ask();
    await new Promise((resolve) => currentLimits()?.signal.addEventListener('abort', resolve));
  }

  @Rpc(Guarded.watch, Order)
  async *watch(): AsyncGenerator<Order> {
    yield await this.dependency.ask();
    yield await this.dependency.ask();
  }

  @Timeout(300, { name: 'late' })
  @Rpc(Guarded.late, Order)
  async late(orders: AsyncIterable<Order>): Promise<Order> {
    for await (const _ of orders) await this.dependency.ask();
    return answer('read');
  }

  @Rpc(Guarded.talk, Order)
  @Timeout(300, { name: 'talk' })
  async *talk(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const _ of orders) yield this.dependency.ask();
  }
}

/** The fixture feature, without a database; `x-caller` is the caller, one of the paying. */
@Module({
  controllers: [GuardedHttpController, GuardedGrpcController],
  providers: [Dependency, Prices],
})
export class GuardedModule {
  constructor(observers: CallObservers) {
    observers.add({
      opened: (call: Call, headers: IncomingHttpHeaders) => {
        const id = headers['x-caller'];
        if (typeof id !== 'string') return;
        const none = new Set<string>();
        const scopes = new Set(['paying']);
        call.principal = { id, scheme: 'jwt', tenant: undefined, scopes, roles: none, claims: {} };
      },
      closed: () => undefined,
    });
  }
}

export const guardedService: ServiceDefinition = { module: GuardedModule, root: service.root };
