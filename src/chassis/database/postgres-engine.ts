import pg from 'pg';
import type { ChassisConfig } from '../config/index.js';
import { createCancel } from './cancel-request.js';
import type { Engine, ListenSession, OnNotification } from './engine.js';
import { logLostConnections } from './lost-connections.js';
import { StatementTimeout } from './statement-timeout.js';
import { typeParsers } from './type-parsers.js';

/** A peer that vanished without a word is found out by asking. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT_TIMEOUT_MS = 5000;

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
  const pool = new pg.Pool({ ...client, max: settings.DATABASE_POOL_MAX });
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
