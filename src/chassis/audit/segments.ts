import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^audit-(\d{1,4})-(\d{15})\.jsonl$/;

/** One file of a chain. */
export interface Segment {
  readonly path: string;
  readonly name: string;
  /** Number of the chain. */
  readonly slot: number;
  /** Number of its first entry. */
  readonly first: number;
}

/** The file of a chain that begins with the entry `first`; names sort in the order of the chain. */
export function segmentAt(directory: string, slot: number, first: number): Segment {
  const name = `audit-${slot}-${String(first).padStart(15, '0')}.jsonl`;
  return { path: join(directory, name), name, slot, first };
}

/** What a file's name says of it, `undefined` when it is no audit file. */
export function parseSegment(directory: string, name: string): Segment | undefined {
  const match = NAME.exec(name);
  return match
    ? { path: join(directory, name), name, slot: Number(match[1]), first: Number(match[2]) }
    : undefined;
}

/** The audit files of a folder, chain by chain, each in its order. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = await readdir(directory);
  return names
    .map((name) => parseSegment(directory, name))
    .filter((segment) => segment !== undefined)
    .toSorted((a, b) => a.slot - b.slot || a.first - b.first);
}

/** Makes what was created or renamed in a folder outlast a crash of the machine. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
