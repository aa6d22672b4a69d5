import { access, constants } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { makeFolder, type Config } from '../config/index.js';
import { StartError, whyOf } from '../errors/index.js';
import { lockDirectory, notWritable } from './directory-lock.js';
import type { Engine, OnNotification } from './engine.js';
import { logLostConnections } from './lost-connections.js';
import { typeParsers } from './type-parsers.js';

const IN_MEMORY = 'memory://';

/** What its file system throws has numbers for names, those of WASI. */
const FILE_FAULTS: ReadonlyMap<unknown, string> = new Map([
  [2, 'EACCES'],
  [19, 'EDQUOT'],
  [22, 'EFBIG'],
  [29, 'EIO'],
  [51, 'ENOSPC'],
  [69, 'EROFS'],
]);

/**
 * PostgreSQL in this process, its files under `DATA_DIR`. It speaks the wire protocol to
 * node-postgres, so parameters, types and errors are those of a server.
 * @throws {StartError} when another process has the directory, it cannot be written, or what is there is no database
 */
export async function createEmbeddedEngine(config: Config): Promise<Engine> {
  const directory = config.get('DATA_DIR');
  if (directory === IN_MEMORY) return startEmbedded(IN_MEMORY, config, () => undefined);
  const path = resolve(directory);
  await makeWritable(path);
  const unlock = lockDirectory(path);
  try {
    return await startEmbedded(join(path, 'postgres'), config, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function makeWritable(directory: string): Promise<void> {
  try {
    makeFolder(directory);
    await access(directory, constants.W_OK);
  } catch (error) {
    throw notWritable(directory, String((error as NodeJS.ErrnoException).code), error);
  }
}

async function startEmbedded(dataDir: string, config: Config, unlock: () => void): Promise<Engine> {
  // Loaded on demand: a service with a DATABASE_URL never pays for it.
  const { PGlite } = await import('@electric-sql/pglite');
  const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
  const pglite = await PGlite.create(dataDir).catch((error: unknown) => {
    throw notStarted(dataDir, error);
  });
  // One connection that stays: whoever holds it works alone, the others wait in line.
  const pool = new pg.Pool({
    ...(createPgConfig(pglite) as unknown as pg.PoolConfig),
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: config.get('DATABASE_CONNECT_TIMEOUT_MS'),
    types: typeParsers,
  });
  logLostConnections(pool);
  const listeners = new Set<OnNotification>();
  pool.on('connect', (client) => {
    client.on('notification', ({ channel, payload }) => {
      for (const listener of listeners) listener(channel, payload ?? '');
    });
  });
  return {
    kind: 'embedded',
    pool,
    openListenSession: async (onNotification) => {
      listeners.add(onNotification);
      return { run: (statement) => pool.query(statement), lost: new Promise(() => undefined), close };
      async function close() {
        listeners.delete(onNotification);
      }
    },
    close: async () => {
      await pool.end();
      await pglite.close();
      unlock();
    },
  };
}

function notStarted(dataDir: string, cause: unknown): StartError {
  return new StartError(
    `The embedded database in ${dataDir} cannot be started (${whyOfFault(cause)}). Make room if its disk is full; if its ` +
      'files are damaged, or of another version of PostgreSQL, put the folder aside to begin with an empty one. Or set ' +
      'DATABASE_URL to a PostgreSQL server.',
    { cause },
  );
}

function whyOfFault(fault: unknown): string {
  if (typeof fault !== 'object' || fault === null || fault instanceof Error || !('errno' in fault))
    return whyOf(fault);
  return FILE_FAULTS.get(fault.errno) ?? `error ${String(fault.errno)} of a file`;
}
