import { Controller, Get, Inject, Module, type Type } from '@nestjs/common';
import type { ServiceDefinition } from '#chassis';
import { GrpcClients, HttpClients, type GrpcClient, type HttpClient } from '#chassis/clients';
import { Rpc } from '#chassis/grpc';
import type { PolicyOptions } from '#chassis/resilience';
import { service } from '../../src/app.module.js';
import { Order, order, Probes } from './probe.js';
import { TestApp, type TestAppOptions } from './test-app.js';

const { root } = service;

@Controller('upstream')
class UpstreamHttpController {
  @Get()
  get(): Order {
    return order('upstream');
  }
}

/** Answers in every shape of call, with what it was sent. */
@Controller()
class UpstreamGrpcController {
  @Rpc(Probes.unary, Order)
  async unary(sent: Order): Promise<Order> {
    return sent;
  }

  @Rpc(Probes.serverStream, Order)
  async *serverStream(sent: Order): AsyncGenerator<Order> {
    for (let index = 0; index < 5; index++) yield sent;
  }

  @Rpc(Probes.clientStream, Order)
  async clientStream(sent: AsyncIterable<Order>): Promise<Order> {
    let last = order('nothing');
    for await (const each of sent) last = each;
    return last;
  }

  @Rpc(Probes.bidi, Order)
  async *bidi(sent: AsyncIterable<Order>): AsyncGenerator<Order> {
    for await (const each of sent) yield each;
  }
}

@Module({ controllers: [UpstreamHttpController, UpstreamGrpcController] })
class UpstreamModule {}

class Clients {
  constructor(
    readonly http: HttpClient,
    readonly grpc: GrpcClient,
  ) {}
}

/** Relays each call to the service above, by the client of its own transport. */
@Controller('dependent')
class DependentHttpController {
  constructor(@Inject(Clients) private readonly clients: Clients) {}

  @Get()
  get(): Promise<Order> {
    return this.clients.http.send<Order>({ method: 'GET', path: '/upstream' });
  }
}

@Controller()
class DependentGrpcController {
  constructor(@Inject(Clients) private readonly clients: Clients) {}

  @Rpc(Probes.unary, Order)
  unary(sent: Order): Promise<Order> {
    return this.clients.grpc.unary(Probes.unary, sent, { isIdempotent: true });
  }

  @Rpc(Probes.serverStream, Order)
  serverStream(sent: Order): AsyncIterable<Order> {
    return this.clients.grpc.serverStream(Probes.serverStream, sent);
  }

  @Rpc(Probes.clientStream, Order)
  clientStream(sent: AsyncIterable<Order>): Promise<Order> {
    return this.clients.grpc.clientStream(Probes.clientStream, sent);
  }

  @Rpc(Probes.bidi, Order)
  bidi(sent: AsyncIterable<Order>): AsyncIterable<Order> {
    return this.clients.grpc.bidi(Probes.bidi, sent);
  }
}

function dependentModule(upstream: TestApp, policy: PolicyOptions): Type {
  @Module({
    controllers: [DependentHttpController, DependentGrpcController],
    providers: [
      {
        provide: Clients,
        inject: [HttpClients, GrpcClients],
        useFactory: (http: HttpClients, grpc: GrpcClients) =>
          new Clients(
            http.create({ name: 'rest', baseUrl: upstream.http.url, policy }),
            grpc.create({ name: 'grpc', target: upstream.grpc.address, policy }),
          ),
      },
    ],
  })
  class DependentModule {}
  return DependentModule;
}

/** A service that depends on another one, whose clients are `rest` and `grpc`, and that other one. */
export interface Dependency {
  readonly upstream: TestApp;
  readonly dependent: TestApp;
}

/** Neither has a database. @param policy of both clients */
export async function startDependency(
  policy: PolicyOptions,
  { config = {} }: Pick<TestAppOptions, 'config'> = {},
): Promise<Dependency & AsyncDisposable> {
  const definition = (module: Type): ServiceDefinition => ({ module, root });
  const upstream = await TestApp.start({ service: definition(UpstreamModule) });
  const dependent = await TestApp.start({
    service: definition(dependentModule(upstream, policy)),
    config,
  });
  return {
    upstream,
    dependent,
    [Symbol.asyncDispose]: async () => {
      await dependent.stop();
      await upstream.stop();
    },
  };
}
