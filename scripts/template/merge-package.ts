import type { PackageJson, PackageLock } from './package-json.ts';

/** What both sides changed, and differently. */
export interface Conflict {
  /** Such as `dependencies.zod`. */
  readonly key: string;
  readonly yours: unknown;
  readonly theirs: unknown;
}

type Entries = Record<string, unknown>;

/** What a service says about itself. */
const YOURS = new Set([
  'name',
  'version',
  'description',
  'license',
  'author',
  'repository',
  'private',
  'chassis',
]);

/**
 * Merges package.json entry by entry: what only one side changed since `base` is taken from it. Where both did,
 * the template's entry is taken, since the chassis needs it, and told as a conflict.
 */
export function mergePackage(
  yours: PackageJson,
  base: PackageJson,
  theirs: PackageJson,
): { merged: PackageJson; conflicts: readonly Conflict[] } {
  const conflicts: Conflict[] = [];
  const merged = mergeEntries(yours, base, theirs, (key, mine, old, other) => {
    if (YOURS.has(key)) return mine;
    if (!isEntries(mine) || !isEntries(other)) return mergeValue(key, mine, old, other, conflicts);
    return mergeEntries(mine, isEntries(old) ? old : {}, other, (name, ...values) =>
      mergeValue(`${key}.${name}`, ...values, conflicts),
    );
  });
  return { merged: merged as PackageJson, conflicts };
}

/**
 * Merges package-lock.json package by package, in the same way; npm settles the rest when it installs.
 * @returns `undefined` when the template changed none of its packages
 */
export function mergeLock(
  yours: PackageLock,
  base: PackageLock,
  theirs: PackageLock,
): PackageLock | undefined {
  const [mine, old, others] = [packagesOf(yours), packagesOf(base), packagesOf(theirs)];
  if (isSame(old, others)) return undefined;
  const packages = mergeEntries(mine, old, others, (...entry) => mergeValue(...entry, []));
  return { ...yours, packages: { '': yours.packages[''], ...packages } };
}

/** Without the entry that says what package.json does. */
function packagesOf({ packages: { '': _root, ...packages } }: PackageLock): Entries {
  return packages;
}

function mergeEntries(
  yours: Entries,
  base: Entries,
  theirs: Entries,
  merge: (key: string, mine: unknown, old: unknown, other: unknown) => unknown,
): Entries {
  const keys = [...new Set([...Object.keys(yours), ...Object.keys(theirs)])];
  // npm sorts packages; what was sorted stays so.
  const isSorted = Object.keys(yours).join() === Object.keys(yours).toSorted().join();
  const entries = (isSorted ? keys.toSorted() : keys).map(
    (key) => [key, merge(key, yours[key], base[key], theirs[key])] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function mergeValue(
  key: string,
  mine: unknown,
  old: unknown,
  other: unknown,
  conflicts: Conflict[],
): unknown {
  if (isSame(other, old) || isSame(mine, other)) return mine;
  if (isSame(mine, old)) return other;
  // What you took out stays out.
  if (mine === undefined) return undefined;
  conflicts.push({ key, yours: mine, theirs: other });
  return other ?? mine;
}

function isEntries(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
