import { Logger } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';

/** A connection that breaks while no query runs on it is logged; unheard, it would end the process. */
export function logLostConnections(pool: Pool): void {
  const logger = new Logger('Database');
  pool.on('error', (error) => logger.warn(`An idle database connection was lost: ${error.message}`));
  // The pool hears idle connections only. One that breaks between two queries of a transaction fails
  // the next of them, and the pool drops it then.
  pool.on('connect', (client) => client.on('error', () => undefined));
}

/** Gives the connection up when nothing has been heard of `running` for `limitMs`; then it rejects as with any lost one. */
export async function untilLost<T>(client: PoolClient, running: Promise<T>, limitMs: number): Promise<T> {
  const limit = setTimeout(() => client.connection.stream.destroy(), limitMs);
  try {
    return await running;
  } finally {
    clearTimeout(limit);
  }
}
