import { z } from 'zod';
import {
  OrderStatus as OrderStatusMessage,
  type Order as OrderMessage,
  type SyncOrdersRequest,
} from '#generated/orders/v1/orders';
import {
  CancelOrder,
  CreateOrder,
  IdempotencyKey,
  ListOrders,
  OrderId,
  OrderStatus,
  type Order,
} from './orders.schema.js';

/** The REST schemas as the gRPC messages carry them: the same fields and rules, proto's enums. */
const StatusFilter = z
  .enum(OrderStatusMessage)
  .transform((status, context): z.output<typeof OrderStatus> | undefined => {
    switch (status) {
      case OrderStatusMessage.ORDER_STATUS_UNSPECIFIED:
        return undefined;
      case OrderStatusMessage.ORDER_STATUS_PENDING:
        return 'pending';
      case OrderStatusMessage.ORDER_STATUS_CANCELLED:
        return 'cancelled';
      default:
        context.addIssue('must be a value that OrderStatus has');
        return z.NEVER;
    }
  });

export const CreateOrderMessage = CreateOrder.extend({ requestId: IdempotencyKey.optional() }).transform(
  ({ requestId, ...order }) => ({ order, idempotencyKey: requestId }),
);
export const GetOrderMessage = z.strictObject({ id: OrderId });
export const ListOrdersMessage = ListOrders.extend({ status: StatusFilter.optional() });
export const CancelOrderMessage = CancelOrder;
export const WatchOrdersMessage = ListOrders.pick({ customerId: true });
export const ImportOrdersMessage = z
  .strictObject({ order: CreateOrderMessage.optional() })
  .transform(({ order }, context) => {
    if (order) return order;
    context.addIssue({ code: 'custom', path: ['order'], message: 'must be set' });
    return z.NEVER;
  });
/** A command is validated by itself: its fault is its own outcome and does not end the stream. */
export const SyncOrdersMessage = z.strictObject({
  correlationId: z.string().max(128, 'must be at most 128 characters'),
  command: z.custom<SyncOrdersRequest['command']>(),
});

/** An order as the proto message has it. */
export function toMessage(order: Order): OrderMessage {
  return { ...order, status: STATUS_MESSAGES[order.status] };
}

const STATUS_MESSAGES = {
  pending: OrderStatusMessage.ORDER_STATUS_PENDING,
  cancelled: OrderStatusMessage.ORDER_STATUS_CANCELLED,
} as const satisfies Record<Order['status'], OrderStatusMessage>;
