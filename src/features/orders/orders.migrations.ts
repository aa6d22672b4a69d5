import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Never change one that has been released: add the next. */
export const ordersMigrations: Record<string, Migration> = {
  '0001_create_orders': {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`
        create table orders (
          id uuid primary key,
          customer_id text not null,
          status text not null check (status in ('pending', 'cancelled')),
          currency text not null,
          items jsonb not null,
          total_amount bigint not null,
          version integer not null default 1,
          created_at timestamptz(3) not null default now(),
          updated_at timestamptz(3) not null default now()
        )`.execute(db);
      await sql`create index orders_by_customer on orders (customer_id, id desc)`.execute(db);
      await sql`create index orders_by_status on orders (status, id desc)`.execute(db);
      await sql`
        create table order_requests (
          request_id text primary key,
          fingerprint text not null,
          order_id uuid not null references orders deferrable initially deferred,
          created_at timestamptz not null default now()
        )`.execute(db);
      await sql`create index order_requests_by_age on order_requests (created_at)`.execute(db);
    },
  },
  '0002_notify_order_changes': {
    async up(db: Kysely<unknown>): Promise<void> {
      // The id only: a notification holds at most 8,000 bytes, an order may be larger.
      await sql`
        create function notify_order_change() returns trigger language plpgsql as $$
        begin
          perform pg_notify('order_changes', new.id::text);
          return null;
        end $$`.execute(db);
      await sql`
        create trigger order_changed after insert or update on orders
        for each row execute function notify_order_change()`.execute(db);
    },
  },
};
