import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Owner } from './owners.ts';
import type { Workshop } from './workshop.ts';

/** Merged by what they are, not line by line. */
const PACKAGE = /^package(-lock)?\.json$/;

/**
 * Merges what user and template share, line by line.
 * @returns the files in which both changed the same lines: they stay as the user has them
 */
export async function mergeShared(
  copy: Workshop,
  { head, base, newer }: { head: string; base: string; newer: string },
  owners: (path: string) => Owner,
): Promise<string[]> {
  const changed = await copy.paths('diff', '--name-only', '--no-renames', '-z', base, newer);
  const conflicts: string[] = [];
  for (const path of changed) {
    if (owners(path) !== 'shared' || PACKAGE.test(path)) continue;
    if (!(await mergeFile(copy, path, { head, base, newer }))) conflicts.push(path);
  }
  return conflicts;
}

async function mergeFile(
  copy: Workshop,
  path: string,
  { head, base, newer }: { head: string; base: string; newer: string },
): Promise<boolean> {
  const [yours, old, theirs] = await Promise.all([head, base, newer].map((at) => textAt(copy, at, path)));
  if (yours === theirs) return true;
  if (yours === old) {
    if (theirs === undefined) rmSync(join(copy.root, path));
    else await copy.git('checkout', '--quiet', newer, '--', path);
    return true;
  }
  if (yours === undefined || old === undefined || theirs === undefined) return false;
  return mergeTexts(copy, path, [yours, old, theirs]);
}

/** Git's own merge of three files; it changes the first and ends with the number of conflicts. */
async function mergeTexts(copy: Workshop, path: string, texts: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(join(copy.root, '.git', 'merge-'));
  const files = texts.map((_, index) => join(folder, String(index)));
  for (const [index, file] of files.entries()) writeFileSync(file, texts[index] ?? '');
  try {
    const merged = await copy.run('git', 'merge-file', '--stdout', ...files).catch(() => undefined);
    if (merged === undefined) return false;
    writeFileSync(join(copy.root, path), merged);
    return true;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function textAt(copy: Workshop, commit: string, path: string): Promise<string | undefined> {
  return copy.run('git', 'show', `${commit}:${path}`).catch(() => undefined);
}
