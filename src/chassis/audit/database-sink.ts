import { sql, type Transaction } from 'kysely';
import { CallContext, runInCall } from '../context/index.js';
import type { Database } from '../database/index.js';
import { extendChain, GENESIS, type ChainState, type Seal } from './chain.js';
import type { AuditAnchor, AuditBatch, AuditSink } from './sink.js';

/** Any number will do, as long as every process takes the same. */
const LOCK_ID = 7_203_115_847;
const CHAIN = 'database';

/** The table, as Kysely knows it. */
export interface AuditTables {
  readonly audit_entries: { readonly seq: number; readonly batch: string; readonly line: string };
}

/** What the sink does, as a call: at its deadline the running query is cancelled. */
class SinkCall extends CallContext {
  readonly transport = 'grpc';
}

/**
 * Appends to the table `audit_entries`. All instances write one chain: a lock of the transaction lets one
 * after the other go on where the last one ended.
 */
export class DatabaseSink implements AuditSink {
  constructor(
    private readonly database: Database<AuditTables>,
    private readonly seal: Seal,
    /** Longest time for one batch, in milliseconds. */
    private readonly timeoutMs: number,
  ) {}

  async open(): Promise<void> {
    // The migrations have made the table; a fault is told by the first write.
  }

  async write(batch: AuditBatch): Promise<AuditAnchor> {
    const call = new SinkCall('audit');
    call.expireAfter(this.timeoutMs, () => new Error('the database takes too long'));
    try {
      const end = await runInCall(call, () => this.#inTurn((db) => this.#append(db, batch)));
      return { chain: CHAIN, ...end };
    } finally {
      call.close();
    }
  }

  async check(): Promise<void> {
    // The database watches over itself.
  }

  async close(): Promise<void> {
    // The database's own module closes it.
  }

  /** Whoever waits for the lock has to see what was written meanwhile, whatever the database's default is. */
  #inTurn<T>(work: (transaction: Transaction<AuditTables>) => Promise<T>): Promise<T> {
    return this.database.query.transaction().setIsolationLevel('read committed').execute(work);
  }

  async #append(db: Transaction<AuditTables>, { id, bodies }: AuditBatch): Promise<ChainState> {
    // One that hangs half-way must not hold up the others for ever.
    await sql`set local idle_in_transaction_session_timeout = ${sql.lit(this.timeoutMs)}`.execute(db);
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_ID)})`.execute(db);
    const { rows } = await sql<{ line: string | null; is_written: boolean }>`
      select (select line from audit_entries order by seq desc limit 1) as line,
             exists (select from audit_entries where batch = ${id}) as is_written`.execute(db);
    const last = endOf(rows[0]?.line);
    // The answer of an earlier try was lost, its commit was not.
    if (rows[0]?.is_written) return last;
    const { lines, end } = extendChain(last, bodies, this.seal);
    const entries = lines.map((line, index) => ({ seq: last.seq + 1 + index, batch: id, line }));
    await db.insertInto('audit_entries').values(entries).execute();
    return end;
  }
}

function endOf(line: string | null | undefined): ChainState {
  if (line === null || line === undefined) return { seq: 0, hash: GENESIS };
  const { seq, hash } = JSON.parse(line) as ChainState;
  return { seq, hash };
}
