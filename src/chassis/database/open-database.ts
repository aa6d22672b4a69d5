import cluster from 'node:cluster';
import pg from 'pg';
import type { Config } from '../config/index.js';
import { StartError, whyOf } from '../errors/index.js';
import { Database } from './database.js';
import { createEmbeddedEngine } from './embedded-engine.js';
import type { Engine } from './engine.js';
import { createPostgresEngine } from './postgres-engine.js';

/**
 * The database that the configuration asks for, connected. Whoever opens it closes it; inside an
 * application `DatabaseModule` does both.
 * @throws {StartError} when the server cannot be used or the data directory is taken; the message names
 * the place and the remedy, never the password
 */
export async function openDatabase<Tables = unknown>(config: Config): Promise<Database<Tables>> {
  const url = config.get('DATABASE_URL');
  if (!url) {
    if (cluster.isWorker) throw needsServer();
    return new Database<Tables>(await createEmbeddedEngine(config));
  }
  const engine = createPostgresEngine(config.values);
  await assertUsable(engine, url);
  return new Database<Tables>(engine);
}

function needsServer(): StartError {
  return new StartError(
    'The embedded database belongs to one process, and WORKERS makes several. Set DATABASE_URL to a ' +
      'PostgreSQL server, or WORKERS to 1.',
  );
}

/** Connects and gets an answer; closes an engine that does not. @throws {StartError} */
export async function assertUsable(engine: Engine, url: string): Promise<void> {
  try {
    await engine.pool.query('select 1');
  } catch (error) {
    await engine.close();
    throw new StartError(explain(url, error), { cause: error });
  }
}

function explain(url: string, error: unknown): string {
  const { host, port, database } = new pg.Client({ connectionString: url });
  return (
    `Cannot use the PostgreSQL server at ${host}:${port}, database "${database}": ${whyOf(error)}. ` +
    `Start the server or correct DATABASE_URL; leave it empty for the embedded database.`
  );
}
