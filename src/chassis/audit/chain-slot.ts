import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;
const MAX_SLOTS = 4096;

/** A chain of the folder that is this process's alone. */
export interface ChainSlot {
  /** From 1 on: the first that nobody had. */
  readonly number: number;
  release(): void;
}

/**
 * Takes the first chain of `directory` that no process writes to: each process has its own, and one that
 * starts later goes on where another has ended. The lock is the kernel's (SQLite's), so it ends with its
 * process, however that dies.
 */
export function takeSlot(directory: string): ChainSlot {
  for (let number = 1; number <= MAX_SLOTS; number++) {
    const path = join(directory, `audit-${number}.lock`);
    const lock = open(path);
    try {
      lock.exec('begin exclusive');
      return { number, release: () => lock.close() };
    } catch (error) {
      lock.close();
      if (!isBusy(error)) throw notLockable(path, error);
    }
  }
  throw new Error(`${MAX_SLOTS} processes write to ${directory} already`);
}

function open(path: string): DatabaseSync {
  // Loaded on demand: a service without audit files never needs it.
  const sqlite = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
  try {
    return new sqlite.DatabaseSync(path);
  } catch (error) {
    throw notLockable(path, error);
  }
}

/** SQLite's own words name no file. */
function notLockable(path: string, cause: unknown): Error {
  return new Error(`${path} cannot be locked (${(cause as Error).message})`, { cause });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
