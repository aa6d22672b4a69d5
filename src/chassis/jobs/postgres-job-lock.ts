import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Database } from '../database/index.js';
import { MEMORY_MS, type Claim, type JobClaim, type JobLock } from './job-lock.js';

/** Never change one that has been released: add the next. */
export const jobLeasesMigrations: Record<string, Migration> = {
  '0001_create_job_leases': {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`
        create table job_leases (
          service text not null,
          job text not null,
          due_at bigint not null,
          token text not null,
          expires_at timestamptz not null,
          primary key (service, job)
        )`.execute(db);
    },
  },
};

/**
 * A row a job, on the server's clock. No session holds it, so it outlives a lost connection and works
 * behind a pooler, which an advisory lock does not; a holder that dies keeps it until the lease is over.
 */
export class PostgresJobLock implements JobLock {
  readonly kind = 'postgres';

  constructor(
    private readonly database: Database,
    /** Its name; instances of one name share their jobs. */
    private readonly service: string,
  ) {}

  async claim({ job, dueAt, token, leaseMs }: JobClaim): Promise<Claim> {
    const { query } = this.database;
    const claimed = await sql`
      insert into job_leases as lease (service, job, due_at, token, expires_at)
      values (${this.service}, ${job}, ${dueAt}, ${token}, now() + ${leaseMs} * interval '1 millisecond')
      on conflict (service, job) do update
      set due_at = excluded.due_at, token = excluded.token, expires_at = excluded.expires_at
      where lease.expires_at <= now()
        and (lease.due_at < excluded.due_at
          or lease.expires_at <= now() - ${MEMORY_MS} * interval '1 millisecond')
      returning 1`.execute(query);
    if (claimed.rows.length > 0) return 'acquired';
    const taken = await sql`
      select 1 from job_leases
      where service = ${this.service} and job = ${job} and due_at >= ${dueAt}`.execute(query);
    return taken.rows.length > 0 ? 'taken' : 'busy';
  }

  async release({ job, token }: JobClaim): Promise<void> {
    await sql`
      update job_leases set expires_at = now()
      where service = ${this.service} and job = ${job} and token = ${token}`.execute(this.database.query);
  }
}
