import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { Audit } from '#chassis/audit';
import { currentCall, type Principal } from '#chassis/context';
import { OrdersChanges } from './orders.changes.js';
import { idempotencyKeyReused, orderNotFound, versionMismatch } from './orders.errors.js';
import { decodePageToken, encodePageToken } from './orders.page-token.js';
import { OrdersRepository } from './orders.repository.js';
import type { CancelOrder, CreateOrder, ListOrders, Order, OrderPage } from './orders.schema.js';

/** What a create answers: `isReplay` when it had been done before under the same key. */
export interface Created {
  readonly order: Order;
  readonly isReplay: boolean;
}

/** The business of orders. Knows no transport: REST and gRPC call the same methods. */
@Injectable()
export class OrdersService {
  constructor(
    private readonly repository: OrdersRepository,
    private readonly changes: OrdersChanges,
  ) {}

  /** Creates an order; with an `idempotencyKey` at most once in 24 hours for each caller. */
  @Audit('orders.create', { targetOfResult: ({ order }: Created) => order.id })
  async create(input: CreateOrder, idempotencyKey?: string): Promise<Created> {
    const totalAmount = input.items.reduce((sum, item) => sum + item.quantity * item.unitAmount, 0);
    const draft = { ...input, id: uuidv7(), totalAmount };
    if (idempotencyKey === undefined) return { order: await this.repository.insert(draft), isReplay: false };
    const fingerprint = createHash('sha256')
      .update(JSON.stringify(canonical(input)))
      .digest('hex');
    const requestId = requestIdOf(idempotencyKey, currentCall()?.principal);
    const stored = await this.repository.insertOnce(draft, { requestId, fingerprint });
    if (stored.fingerprint !== fingerprint) throw idempotencyKeyReused();
    return { order: stored.isNew ? stored.order : asCreated(stored.order), isReplay: !stored.isNew };
  }

  /** @throws ServiceError ORDER_NOT_FOUND */
  async get(id: string): Promise<Order> {
    const order = await this.repository.find(id);
    if (!order) throw orderNotFound(id);
    return order;
  }

  async list({ customerId, status, pageSize, pageToken }: ListOrders): Promise<OrderPage> {
    const filter = { customerId, status };
    const before = pageToken === undefined ? undefined : decodePageToken(pageToken, filter);
    const orders = await this.repository.list({ ...filter, before }, pageSize + 1);
    if (orders.length <= pageSize) return { orders };
    const page = orders.slice(0, pageSize);
    const last = page.at(-1) as Order;
    return { orders: page, nextPageToken: encodePageToken(last.id, filter) };
  }

  /**
   * Cancels an order; one that is cancelled already stays as it is.
   * @throws ServiceError ORDER_NOT_FOUND, ORDER_VERSION_MISMATCH
   */
  @Audit('orders.cancel', { target: ({ id }: CancelOrder) => id })
  async cancel({ id, expectedVersion }: CancelOrder): Promise<Order> {
    const cancelled = await this.repository.cancel(id, expectedVersion);
    if (cancelled) return cancelled;
    const order = await this.get(id);
    if (expectedVersion !== undefined && order.version !== expectedVersion)
      throw versionMismatch(id, order.version);
    return order;
  }

  /** Changes from now on, of one customer or of all, until the call ends. */
  async *watch(customerId?: string): AsyncGenerator<Order> {
    for await (const order of this.changes.watch(currentCall()?.signal)) {
      if (customerId === undefined || order.customerId === customerId) yield order;
    }
  }

  /** Creates orders as they arrive and counts them. What was created before a fault stays. */
  async import(
    orders: AsyncIterable<{ order: CreateOrder; idempotencyKey?: string | undefined }>,
  ): Promise<number> {
    let imported = 0;
    for await (const { order, idempotencyKey } of orders) {
      await this.create(order, idempotencyKey);
      imported += 1;
    }
    return imported;
  }
}

/** A key is its caller's own: two callers who choose the same one never meet in each other's orders. */
function requestIdOf(idempotencyKey: string, caller: Principal | undefined): string {
  if (!caller) return idempotencyKey;
  return createHash('sha256')
    .update(JSON.stringify([caller.scheme, caller.id, idempotencyKey]))
    .digest('base64url');
}

/** The same content gives the same text, whatever the order of its keys. */
function canonical({ customerId, currency, items }: CreateOrder): unknown {
  return [customerId, currency, items.map(({ sku, quantity, unitAmount }) => [sku, quantity, unitAmount])];
}

/** The order as its create answered it, before any later change. */
function asCreated(order: Order): Order {
  return { ...order, status: 'pending', version: 1, updatedAt: order.createdAt };
}
