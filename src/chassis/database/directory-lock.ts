import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StartError } from '../errors/index.js';

const LOCK_FILE = 'postgres.lock';
const PID_FILE = 'postgres.pid';
const SQLITE_BUSY = 5;

/**
 * Reserves `directory` for this process; returns what gives it back.
 *
 * A pid alone proves nothing: pids come again, and every container's first process is 1. So the
 * lock is the kernel's: SQLite's exclusive lock on `postgres.lock`, which also holds between
 * containers on one volume and ends with its process, however that dies. `postgres.pid` only tells
 * a human who has it.
 * @throws {StartError} naming the directory, the pid or what keeps it from being locked, and the remedy
 */
export function lockDirectory(directory: string): () => void {
  const pidFile = join(directory, PID_FILE);
  let lock: DatabaseSync | undefined;
  try {
    lock = openLockFile(join(directory, LOCK_FILE));
    lock.exec('begin exclusive');
  } catch (error) {
    lock?.close();
    if (isBusy(error)) throw inUse(directory, pidFile, error);
    throw notWritable(directory, `${LOCK_FILE}: ${(error as Error).message}`, error);
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return () => {
    rmSync(pidFile, { force: true });
    lock.close();
  };
}

function openLockFile(path: string): DatabaseSync {
  // Loaded on demand like PGlite; `require` keeps taking the lock synchronous.
  const sqlite = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
  return new sqlite.DatabaseSync(path);
}

function isBusy(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function inUse(directory: string, pidFile: string, cause: Error): StartError {
  return new StartError(
    `The data directory ${directory} is in use by process ${readPid(pidFile)}. Stop that process, ` +
      `give this one another DATA_DIR, or set DATABASE_URL to a PostgreSQL server that both can use.`,
    { cause },
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
