import { Logger } from '@nestjs/common';
import type { Pool } from 'pg';

/** A connection that breaks while no query runs on it is logged; unheard, it would end the process. */
export function logLostConnections(pool: Pool): void {
  const logger = new Logger('Database');
  pool.on('error', (error) => logger.warn(`An idle database connection was lost: ${error.message}`));
  // The pool hears idle connections only. One that breaks between two queries of a transaction fails
  // the next of them, and the pool drops it then.
  pool.on('connect', (client) => client.on('error', () => undefined));
}
