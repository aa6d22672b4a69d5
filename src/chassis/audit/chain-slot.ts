import { join } from 'node:path';
import { lockFile } from '../config/index.js';

const MAX_SLOTS = 4096;

/** A chain of the folder that is this process's alone. */
export interface ChainSlot {
  /** From 1 on: the first that nobody had. */
  readonly number: number;
  release(): void;
}

/**
 * Takes the first chain of `directory` that no process writes to: each process has its own, and one that
 * starts later goes on where another has ended.
 */
export function takeSlot(directory: string): ChainSlot {
  for (let number = 1; number <= MAX_SLOTS; number++) {
    const release = lock(join(directory, `audit-${number}.lock`));
    if (release) return { number, release };
  }
  throw new Error(`${MAX_SLOTS} processes write to ${directory} already`);
}

function lock(path: string): (() => void) | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    throw new Error(`${path} cannot be locked (${(error as Error).message})`, { cause: error });
  }
}
