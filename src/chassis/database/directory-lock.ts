import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../config/index.js';
import { StartError } from '../errors/index.js';

const LOCK_FILE = 'postgres.lock';
const PID_FILE = 'postgres.pid';

/**
 * Reserves `directory` for this process; returns what gives it back.
 *
 * A pid alone proves nothing: pids come again, and every container's first process is 1. So `postgres.lock`
 * is locked, and `postgres.pid` only tells a human who has it.
 * @throws {StartError} naming the directory, the pid or what keeps it from being locked, and the remedy
 */
export function lockDirectory(directory: string): () => void {
  const pidFile = join(directory, PID_FILE);
  const unlock = lock(directory);
  if (!unlock) throw inUse(directory, pidFile);
  writeFileSync(pidFile, `${process.pid}\n`);
  return () => {
    rmSync(pidFile, { force: true });
    unlock();
  };
}

function lock(directory: string): (() => void) | undefined {
  try {
    return lockFile(join(directory, LOCK_FILE));
  } catch (error) {
    throw notWritable(directory, `${LOCK_FILE}: ${(error as Error).message}`, error);
  }
}

function inUse(directory: string, pidFile: string): StartError {
  return new StartError(
    `The data directory ${directory} is in use by process ${readPid(pidFile)}. Stop that process, ` +
      `give this one another DATA_DIR, or set DATABASE_URL to a PostgreSQL server that both can use.`,
  );
}

/** Nothing can be kept in the directory. */
export function notWritable(directory: string, why: string, cause: unknown): StartError {
  return new StartError(
    `The data directory ${directory} cannot be written (${why}). Set DATA_DIR to a folder that this process may ` +
      `write, or DATABASE_URL to a PostgreSQL server.`,
    { cause },
  );
}

function readPid(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim();
  } catch {
    // The holder is between taking the lock and writing its pid, or giving both back.
    return 'unknown';
  }
}
