import { createRequire } from 'node:module';
import type { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/**
 * Locks a file for this process, and makes it where there is none. The lock is the kernel's (SQLite's exclusive
 * lock), so it also holds between containers on one volume, and ends with its process, however that dies.
 * @returns what gives it back, `undefined` where another process has it
 * @throws SQLite's error, which does not name the file, for one that cannot be locked
 */
export function lockFile(path: string): (() => void) | undefined {
  const lock = open(path);
  try {
    lock.exec('begin exclusive');
    return () => lock.close();
  } catch (error) {
    lock.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function open(path: string): DatabaseSync {
  // Loaded on demand: most services lock nothing. `require` keeps taking the lock synchronous.
  const sqlite = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
  return new sqlite.DatabaseSync(path);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
