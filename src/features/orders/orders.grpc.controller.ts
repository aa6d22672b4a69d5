import { Controller } from '@nestjs/common';
import type { z } from 'zod';
import {
  OrderServiceService as Rpcs,
  type CancelOrderResponse,
  type CreateOrderResponse,
  type GetOrderResponse,
  type ImportOrdersResponse,
  type ListOrdersResponse,
  type SyncOrdersResponse,
  type WatchOrdersResponse,
} from '#generated/orders/v1/orders';
import { Scopes } from '#chassis/auth';
import { Audit } from '#chassis/audit';
import { Config } from '#chassis/config';
import { toServiceError } from '#chassis/errors';
import { Rpc, toRpcStatus } from '#chassis/grpc';
import { validate } from '#chassis/pipeline';
import * as messages from './orders.messages.js';
import { unknownCommand } from './orders.errors.js';
import { OrdersService } from './orders.service.js';

/** gRPC `orders.v1.OrderService`. */
@Controller()
export class OrdersGrpcController {
  constructor(
    private readonly orders: OrdersService,
    private readonly config: Config,
  ) {}

  @Scopes('orders:write')
  @Rpc(Rpcs.createOrder, messages.CreateOrderMessage)
  @Audit('orders.create')
  async createOrder({
    order,
    idempotencyKey,
  }: z.output<typeof messages.CreateOrderMessage>): Promise<CreateOrderResponse> {
    const created = await this.orders.create(order, idempotencyKey);
    return { order: messages.toMessage(created.order) };
  }

  @Scopes('orders:read')
  @Rpc(Rpcs.getOrder, messages.GetOrderMessage)
  async getOrder({ id }: z.output<typeof messages.GetOrderMessage>): Promise<GetOrderResponse> {
    return { order: messages.toMessage(await this.orders.get(id)) };
  }

  @Scopes('orders:read')
  @Rpc(Rpcs.listOrders, messages.ListOrdersMessage)
  async listOrders(query: z.output<typeof messages.ListOrdersMessage>): Promise<ListOrdersResponse> {
    const page = await this.orders.list(query);
    return { ...page, orders: page.orders.map(messages.toMessage) };
  }

  @Scopes('orders:write')
  @Rpc(Rpcs.cancelOrder, messages.CancelOrderMessage)
  @Audit('orders.cancel')
  async cancelOrder(request: z.output<typeof messages.CancelOrderMessage>): Promise<CancelOrderResponse> {
    return { order: messages.toMessage(await this.orders.cancel(request)) };
  }

  @Scopes('orders:read')
  @Rpc(Rpcs.watchOrders, messages.WatchOrdersMessage)
  async *watchOrders({
    customerId,
  }: z.output<typeof messages.WatchOrdersMessage>): AsyncGenerator<WatchOrdersResponse> {
    for await (const order of this.orders.watch(customerId)) yield { order: messages.toMessage(order) };
  }

  @Scopes('orders:write')
  @Rpc(Rpcs.importOrders, messages.ImportOrdersMessage)
  async importOrders(
    orders: AsyncIterable<z.output<typeof messages.ImportOrdersMessage>>,
  ): Promise<ImportOrdersResponse> {
    return { importedCount: await this.orders.import(orders) };
  }

  @Scopes('orders:write')
  @Rpc(Rpcs.syncOrders, messages.SyncOrdersMessage)
  async *syncOrders(
    requests: AsyncIterable<z.output<typeof messages.SyncOrdersMessage>>,
  ): AsyncGenerator<SyncOrdersResponse> {
    for await (const { correlationId, command } of requests) {
      yield { correlationId, outcome: await this.#execute(command) };
    }
  }

  async #execute(command: Command): Promise<SyncOrdersResponse['outcome']> {
    try {
      return { $case: 'order', value: messages.toMessage(await this.#run(command)) };
    } catch (thrown) {
      const error = toServiceError(thrown);
      // A fault of ours is no outcome of the command: it ends the call, is logged and tells nothing.
      if (error.code === 'INTERNAL') throw thrown;
      return { $case: 'error', value: toRpcStatus(error, this.config.get('SERVICE_NAME')) };
    }
  }

  async #run(command: Command) {
    switch (command?.$case) {
      case 'create': {
        const { order, idempotencyKey } = validate(messages.CreateOrderMessage, command.value);
        return (await this.orders.create(order, idempotencyKey)).order;
      }
      case 'cancel':
        return this.orders.cancel(validate(messages.CancelOrderMessage, command.value));
      default:
        throw unknownCommand();
    }
  }
}

type Command = z.output<typeof messages.SyncOrdersMessage>['command'];
