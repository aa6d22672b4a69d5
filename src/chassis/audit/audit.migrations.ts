import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Never change one that has been released: add the next. */
export const auditMigrations: Record<string, Migration> = {
  '0001_create_audit_entries': {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`
        create table audit_entries (
          seq bigint primary key,
          batch uuid not null,
          line text not null
        )`.execute(db);
      await sql`create index audit_entries_by_batch on audit_entries (batch)`.execute(db);
      await sql`
        create function refuse_audit_change() returns trigger language plpgsql as $$
        begin
          raise exception 'audit_entries is insert-only';
        end $$`.execute(db);
      await sql`
        create trigger audit_entries_insert_only before update or delete or truncate on audit_entries
        for each statement execute function refuse_audit_change()`.execute(db);
    },
  },
};
