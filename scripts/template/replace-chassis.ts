import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOf, type Owner } from './owners.ts';
import type { Workshop } from './workshop.ts';

/** Too long a command line is an error of the system. */
const PATHS_AT_ONCE = 500;

/** What became of the chassis half. */
export interface Replacement {
  /** Files of the chassis that the user had changed or deleted and that are the template's again. */
  readonly lost: readonly string[];
}

/**
 * Puts the new version's chassis in place of the old one's. Files that the user had added among them stay.
 * @param owners whose files are whose in the new version
 */
export async function replaceChassis(
  copy: Workshop,
  { head, base, newer }: { head: string; base: string; newer: string },
  owners: (path: string) => Owner,
): Promise<Replacement> {
  // What the new version shares is merged, though it was the chassis' own before.
  const isReplaced = (path: string) => ownerOf(path) === 'chassis' && owners(path) !== 'shared';
  const before = (await filesOf(copy, base)).filter(isReplaced);
  const after = (await filesOf(copy, newer)).filter((path) => owners(path) === 'chassis');
  const kept = new Set(after);
  for (const path of before) if (!kept.has(path)) rmSync(join(copy.root, path), { force: true });
  for (let at = 0; at < after.length; at += PATHS_AT_ONCE)
    await copy.git('checkout', '--quiet', newer, '--', ...after.slice(at, at + PATHS_AT_ONCE));
  const changed = await differing(copy, base, head);
  const elsewhere = await differing(copy, newer, head);
  const replaced = new Set([...before, ...after]);
  return {
    lost: [...changed].filter((path) => replaced.has(path) && elsewhere.has(path)).toSorted(),
  };
}

async function filesOf(copy: Workshop, commit: string): Promise<string[]> {
  return copy.paths('ls-tree', '-r', '--name-only', '-z', commit);
}

async function differing(copy: Workshop, one: string, other: string): Promise<Set<string>> {
  return new Set(await copy.paths('diff', '--name-only', '--no-renames', '-z', one, other));
}
