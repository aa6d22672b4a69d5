import pg from 'pg';
import type { ChassisConfig } from '../config/index.js';
import { createCancel } from './cancel-request.js';
import type { Engine, ListenSession, OnNotification } from './engine.js';
import { logLostConnections, untilLost } from './lost-connections.js';
import { StatementTimeout } from './statement-timeout.js';
import { typeParsers } from './type-parsers.js';

/** A peer that vanished without a word is found out by asking. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT_TIMEOUT_MS = 5000;

/**
 * The server asks likewise, and rolls back what a host that vanished amid a transaction has left open. By default its
 * system asks after two hours; so long it keeps the locks of the rows.
 */
const ASK_FOR_US = `select set_config('tcp_keepalives_idle', '15', false),
  set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`;

/**
 * While a query runs it looks whether somebody is still there. By default it works on for a process that was killed, and
 * a migration keeps the next start waiting until an index is built that nobody will have.
 */
const ASK_AMID_QUERIES = `select set_config('client_connection_check_interval', '5s', false)`;

/** The keys that a pool is made of. */
export type PostgresSettings = Pick<
  ChassisConfig,
  'DATABASE_URL' | 'DATABASE_POOL_MAX' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'SERVICE_NAME' | 'MAX_DEADLINE_MS'
>;

/** A pool on the server of `DATABASE_URL`. Opens no connection yet. */
export function createPostgresEngine(settings: PostgresSettings): Engine {
  const connectTimeoutMs = settings.DATABASE_CONNECT_TIMEOUT_MS;
  const statementTimeout = new StatementTimeout(settings.MAX_DEADLINE_MS);
  const client: pg.ClientConfig = {
    connectionString: settings.DATABASE_URL,
    application_name: settings.SERVICE_NAME,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeout.usualMs,
    keepAlive: true,
    types: typeParsers,
  };
  // The pool waits for it, which its types do not say.
  const hooks = { onConnect: (connected: pg.ClientBase) => haveAsked(connected, connectTimeoutMs) };
  const pool = new pg.Pool({ ...client, max: settings.DATABASE_POOL_MAX, ...hooks });
  logLostConnections(pool);
  return {
    kind: 'postgres',
    pool,
    cancel: createCancel(client, connectTimeoutMs),
    statementTimeout,
    openListenSession: (onNotification) => openListenSession(client, onNotification),
    close: () => pool.end(),
  };
}

async function haveAsked(client: pg.ClientBase, limitMs: number): Promise<void> {
  for (const statement of [ASK_FOR_US, ASK_AMID_QUERIES])
    await untilLost(client as pg.PoolClient, client.query(statement), limitMs).catch((error: unknown) => {
      // What is not PostgreSQL itself, or is on a system that cannot look, does without.
      if (!(error instanceof pg.DatabaseError)) throw error;
    });
}

async function openListenSession(
  config: pg.ClientConfig,
  onNotification: OnNotification,
): Promise<ListenSession> {
  const client = new pg.Client({ ...config, query_timeout: HEARTBEAT_TIMEOUT_MS });
  client.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''));
  // 'end' follows each error and tells of the loss.
  client.on('error', () => undefined);
  await client.connect();
  const lost = new Promise<void>((resolve) => client.once('end', resolve));
  const heartbeat = setInterval(() => {
    client.query('select 1').catch(() => client.connection.stream.destroy());
  }, HEARTBEAT_MS).unref();
  void lost.then(() => clearInterval(heartbeat));
  return { run: (statement) => client.query(statement), lost, close: () => client.end() };
}
