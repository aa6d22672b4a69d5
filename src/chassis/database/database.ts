import { Kysely, PostgresDialect, sql, type PostgresPool, type Transaction } from 'kysely';
import { runInScope, Scope, type Limits } from '../context/index.js';
import { CallPool } from './call-pool.js';
import { drain } from './drain.js';
import type { DatabaseKind, Engine } from './engine.js';
import { Notifications } from './notifications.js';

/** Ends one subscription; resolves when the server knows. */
export type Unlisten = () => Promise<void>;

/** The pool of connections at one moment. */
export interface PoolState {
  readonly used: number;
  readonly idle: number;
  /** Most connections there can be. */
  readonly max: number;
  /** Queries and transactions that wait for a connection. */
  readonly waiting: number;
}

/**
 * PostgreSQL through Kysely. Inject it with the feature's own tables:
 * `constructor(private readonly database: Database<OrdersTables>)`.
 *
 * What runs inside a call ends with the call: once its signal aborts, the running query is
 * cancelled on the server and rejects with the signal's reason, waiting for a connection ends, and
 * no further query starts; `rollback` and `commit` still run, so a transaction ends clean. What no deadline
 * ends, such as these and queries outside of calls, gives its connection up 5 s after the server would have
 * ended it: nobody is there any more.
 *
 * Queries throw ServiceError UNAVAILABLE / DATABASE_UNAVAILABLE when the server is away or the pool
 * stays exhausted for DATABASE_CONNECT_TIMEOUT_MS, ABORTED / DATABASE_CONFLICT on a deadlock or a serialisation
 * failure, and DEADLINE_EXCEEDED / DATABASE_TIMEOUT when the server stopped them, by `statement_timeout`, `lock_timeout`
 * or an operator. Other errors of PostgreSQL come as they are, SQLSTATE in `code`.
 */
export class Database<Tables = unknown> {
  /** The query builder. Each query takes any free connection; for several on one use `transaction`. */
  readonly query: Kysely<Tables>;
  readonly #pool: CallPool;
  readonly #notifications: Notifications;
  #engine: Engine;
  /** Engines that were replaced and still have work. */
  readonly #draining = new Set<Promise<void>>();
  readonly #lastWork: (() => Promise<void>)[] = [];
  #closed: Promise<void> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#notifications = new Notifications(engine);
    // No cursor is configured, so Kysely never uses the overload of `query` that CallClient lacks.
    this.#pool = new CallPool(engine);
    const pool = this.#pool as unknown as PostgresPool;
    this.query = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  }

  /** `postgres`: the server of DATABASE_URL; `embedded`: the one inside this process. */
  get kind(): DatabaseKind {
    return this.#engine.kind;
  }

  /** Connections that are open by what they do, and who wants one. */
  get connections(): PoolState {
    const { totalCount, idleCount, waitingCount, options } = this.#engine.pool;
    return { used: totalCount - idleCount, idle: idleCount, max: options.max, waiting: waitingCount };
  }

  /**
   * Runs `work` on one connection: commits when it resolves, rolls back when it rejects. The embedded
   * database has only that connection: inside, use `transaction`, never `query`.
   */
  transaction<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.query.transaction().execute(work);
  }

  /** One round trip, for health checks; `signal` ends it as the end of a call ends a query. */
  async ping(signal?: AbortSignal): Promise<void> {
    const ping = () => sql`select 1`.execute(this.query);
    await (signal ? runInScope(Scope.NONE.withAttempt(limitsOf(signal)), ping) : ping());
  }

  /**
   * Calls `onMessage` with the payload of each `NOTIFY channel` from now on, outside of any call.
   * When the connection is lost it is opened again with back-off; `onLost` is called at the loss and
   * once more when listening is resumed: what was sent in between is gone, so read anew what you keep.
   */
  listen(channel: string, onMessage: (payload: string) => void, onLost?: () => void): Promise<Unlisten> {
    return this.#notifications.listen(channel, { onMessage, onLost });
  }

  /**
   * Every query and transaction that begins from now on runs on `engine`; those that have begun, or wait for a
   * connection, end where they are. Subscriptions move, and hear of it as of a lost connection.
   * @returns resolves when nothing of the former engine is left
   */
  replaceEngine(engine: Engine): Promise<void> {
    const former = this.#engine;
    this.#engine = engine;
    this.#pool.use(engine);
    this.#notifications.use(engine);
    const drained = drain(former).finally(() => this.#draining.delete(drained));
    this.#draining.add(drained);
    return drained;
  }

  /**
   * Has `work` done before `close` ends the first connection: what writes to the end, whatever the order in which
   * modules stop.
   */
  beforeClose(work: () => Promise<void>): void {
    this.#lastWork.push(work);
  }

  /** Waits for the queries that run, then closes every connection. Later queries fail. */
  close(): Promise<void> {
    return (this.#closed ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    try {
      for (const work of this.#lastWork) await work();
      await this.#notifications.close();
    } finally {
      await Promise.all([this.#engine.close(), ...this.#draining]);
    }
  }
}

function limitsOf(signal: AbortSignal): Limits {
  return {
    signal,
    deadline: Infinity,
    remainingMs: Infinity,
    get abortReason() {
      return signal.reason as Error | undefined;
    },
  };
}
