import type { Pool, PoolClient } from 'pg';
import type { StatementTimeout } from './statement-timeout.js';

/** Which PostgreSQL answers: a server, or the one inside this process. */
export type DatabaseKind = 'postgres' | 'embedded';

/** One session that hears notifications. */
export interface ListenSession {
  run(statement: string): Promise<unknown>;
  /** Resolves once the session is gone, also after `close()`. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

export type OnNotification = (channel: string, payload: string) => void;

/** Stops what `client` runs; resolves when nothing sent for it can reach a later query. Never rejects. */
export type CancelQuery = (client: PoolClient, running: Promise<unknown>) => Promise<void>;

/** What the two kinds of database do differently; all else is the same code over the same driver. */
export interface Engine {
  readonly kind: DatabaseKind;
  readonly pool: Pool;
  /** Absent where a running query cannot be stopped: the embedded one runs it synchronously. */
  readonly cancel?: CancelQuery;
  /** Absent where the server bounds no query. */
  readonly statementTimeout?: StatementTimeout;
  openListenSession(onNotification: OnNotification): Promise<ListenSession>;
  close(): Promise<void>;
}
