import type { ColumnType, Generated } from 'kysely';
import type { Order } from './orders.schema.js';

/** The feature's tables, as Kysely sees them. Changed together with a migration, never without one. */
export interface OrdersTables {
  orders: {
    id: string;
    customer_id: string;
    status: Order['status'];
    currency: string;
    items: ColumnType<Order['items'], string, never>;
    total_amount: number;
    version: Generated<number>;
    created_at: Generated<Date>;
    updated_at: Generated<Date>;
  };
  order_requests: {
    request_id: string;
    fingerprint: string;
    order_id: string;
    created_at: Generated<Date>;
  };
}
