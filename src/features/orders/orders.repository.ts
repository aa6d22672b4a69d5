import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Selectable } from 'kysely';
import { Database } from '#chassis/database';
import type { Order } from './orders.schema.js';
import type { OrdersTables } from './orders.tables.js';

export type NewOrder = Pick<Order, 'id' | 'customerId' | 'currency' | 'items' | 'totalAmount'>;

/** A create that may be repeated. */
export interface CreateRequest {
  /** Unique among all callers. */
  readonly requestId: string;
  /** Same request, same fingerprint. */
  readonly fingerprint: string;
}

export interface OrderFilter {
  readonly customerId?: string | undefined;
  readonly status?: Order['status'] | undefined;
  /** Only orders older than this one. */
  readonly before?: string | undefined;
}

const REQUEST_LIFETIME = sql<Date>`now() - interval '24 hours'`;
/** Expired requests removed with each new one: more than arrive, so that the table stays small. */
const EXPIRED_PER_CREATE = 10;

/** The orders in PostgreSQL, embedded or not: the same SQL on both. */
@Injectable()
export class OrdersRepository {
  constructor(private readonly database: Database<OrdersTables>) {}

  async insert(order: NewOrder): Promise<Order> {
    return insertOrder(this.database.query, order);
  }

  /**
   * Inserts the order unless the request has been seen: then the first request's fingerprint and its
   * order come back. Of two at the same time one waits for the other.
   */
  async insertOnce(
    order: NewOrder,
    request: CreateRequest,
  ): Promise<{ order: Order; fingerprint: string; isNew: boolean }> {
    return this.database.transaction(async (transaction) => {
      await removeExpired(transaction);
      const claimed = await claim(transaction, order.id, request);
      if (claimed)
        return {
          order: await insertOrder(transaction, order),
          fingerprint: request.fingerprint,
          isNew: true,
        };
      const first = await transaction
        .selectFrom('order_requests')
        .innerJoin('orders', 'orders.id', 'order_requests.order_id')
        .where('request_id', '=', request.requestId)
        .selectAll('orders')
        .select('fingerprint')
        .executeTakeFirstOrThrow();
      return { order: toOrder(first), fingerprint: first.fingerprint, isNew: false };
    });
  }

  async find(id: string): Promise<Order | undefined> {
    const row = await this.database.query
      .selectFrom('orders')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    return row && toOrder(row);
  }

  /** Those that there are, in the order of `ids`. */
  async findAll(ids: readonly string[]): Promise<Order[]> {
    const any = sql<string>`any(${ids}::uuid[])`;
    const rows = await this.database.query.selectFrom('orders').selectAll().where('id', '=', any).execute();
    const orders = new Map(rows.map((row) => [row.id, toOrder(row)]));
    return ids.map((id) => orders.get(id)).filter((order) => order !== undefined);
  }

  /** Newest first. */
  async list({ customerId, status, before }: OrderFilter, limit: number): Promise<Order[]> {
    let query = this.database.query.selectFrom('orders').selectAll().orderBy('id', 'desc').limit(limit);
    if (customerId !== undefined) query = query.where('customer_id', '=', customerId);
    if (status !== undefined) query = query.where('status', '=', status);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()).map(toOrder);
  }

  /** The cancelled order, `undefined` when none has this id, this version and can be cancelled. */
  async cancel(id: string, expectedVersion?: number): Promise<Order | undefined> {
    let update = this.database.query
      .updateTable('orders')
      .set((row) => ({ status: 'cancelled', version: row('version', '+', 1), updated_at: sql<Date>`now()` }))
      .where('id', '=', id)
      .where('status', '=', 'pending');
    if (expectedVersion !== undefined) update = update.where('version', '=', expectedVersion);
    const row = await update.returningAll().executeTakeFirst();
    return row && toOrder(row);
  }
}

async function insertOrder(db: Kysely<OrdersTables>, order: NewOrder): Promise<Order> {
  const row = await db
    .insertInto('orders')
    .values({
      id: order.id,
      customer_id: order.customerId,
      status: 'pending',
      currency: order.currency,
      items: JSON.stringify(order.items),
      total_amount: order.totalAmount,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toOrder(row);
}

/** True when this request is the first, or the first after the one before has expired. */
async function claim(db: Kysely<OrdersTables>, orderId: string, request: CreateRequest): Promise<boolean> {
  const row = await db
    .insertInto('order_requests')
    .values({ request_id: request.requestId, fingerprint: request.fingerprint, order_id: orderId })
    .onConflict((conflict) =>
      conflict
        .column('request_id')
        .doUpdateSet({ fingerprint: request.fingerprint, order_id: orderId, created_at: sql`now()` })
        .where('order_requests.created_at', '<', REQUEST_LIFETIME),
    )
    .returning('request_id')
    .executeTakeFirst();
  return row !== undefined;
}

async function removeExpired(db: Kysely<OrdersTables>): Promise<void> {
  const expired = db
    .selectFrom('order_requests')
    .select('request_id')
    .where('created_at', '<', REQUEST_LIFETIME)
    .limit(EXPIRED_PER_CREATE)
    .forUpdate()
    .skipLocked();
  await db.deleteFrom('order_requests').where('request_id', 'in', expired).execute();
}

function toOrder(row: Selectable<OrdersTables['orders']>): Order {
  return {
    id: row.id,
    customerId: row.customer_id,
    status: row.status,
    currency: row.currency,
    items: row.items,
    totalAmount: row.total_amount,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
