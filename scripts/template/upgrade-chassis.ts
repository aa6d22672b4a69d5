import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { say } from './command.ts';
import { featuresOf } from './feature.ts';
import { mergeLock, mergePackage, type Conflict } from './merge-package.ts';
import { mergeShared } from './merge-shared.ts';
import { ownerOf, type Owner } from './owners.ts';
import { readLock, readPackage, writeLock, writePackage, type PackageJson } from './package-json.ts';
import { format, regenerate, updateSnapshots } from './regenerate.ts';
import { replaceChassis } from './replace-chassis.ts';
import { TemplateError } from './template-error.ts';
import { asProject, fetchNew, findBase, type TemplateVersion } from './versions.ts';
import type { Workshop } from './workshop.ts';

/** What an upgrade did, for its report. */
export interface Upgrade {
  readonly base: TemplateVersion;
  readonly newer: TemplateVersion;
  /** Files of the chassis that the user had changed and that are the template's again. */
  readonly lost: readonly string[];
  /** Shared files that stay as the user has them, because both sides changed the same lines. */
  readonly unmerged: readonly string[];
  /** Entries of package.json in which the template's won. */
  readonly conflicts: readonly Conflict[];
}

const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides', 'allowScripts'];

/**
 * Puts another version of the template's half into the copy.
 * @throws {TemplateError} when the versions cannot be found, or it is no newer one
 */
export async function upgradeChassis(copy: Workshop, from: string, base?: string): Promise<Upgrade> {
  const head = await copy.git('rev-parse', 'HEAD');
  const yours = readPackage(copy.root);
  const features = featuresOf(copy.root);
  const newCommit = await fetchNew(copy, from);
  const oldCommit = await findBase(copy, newCommit, base);
  await requireNewer(copy, oldCommit, newCommit);
  const old = await asProject(copy, oldCommit, yours.name, features);
  const newer = await asProject(copy, newCommit, yours.name, features);
  const owners = await ownersIn(copy);
  await copy.git('checkout', '--quiet', '--detach', head);

  say('replacing the chassis, merging what is shared');
  const commits = { head, base: old.renamed, newer: newer.renamed };
  const { lost } = await replaceChassis(copy, commits, owners);
  const unmerged = await mergeShared(copy, commits, owners);
  const { merged, conflicts } = mergePackage(yours, old.package, newer.package);
  writePackage(copy.root, { ...merged, chassis: { version: newer.package.version, commit: newCommit } });
  const lock = mergeLock(readLock(copy.root), old.lock, newer.lock);
  if (lock) writeLock(copy.root, lock);
  if (lock || wants(yours) !== wants(merged)) await install(copy);
  await make(copy);
  return { base: old, newer, lost, unmerged, conflicts };
}

async function requireNewer(copy: Workshop, base: string, newer: string): Promise<void> {
  if (base === newer) throw new TemplateError(`The project is of that version already (${newer}).`);
  if (await copy.isAncestor(newer, base))
    throw new TemplateError(`--from is older (${newer}) than what the project is made from (${base}).`);
}

/** The new version may have files that this one does not know of. */
async function ownersIn(copy: Workshop): Promise<(path: string) => Owner> {
  const file = pathToFileURL(join(copy.root, 'scripts/template/owners.ts')).href;
  const module = (await import(file).catch(() => undefined)) as { ownerOf: typeof ownerOf } | undefined;
  return module?.ownerOf ?? ownerOf;
}

function wants(content: PackageJson): string {
  return JSON.stringify(DEPENDENCIES.map((key) => content[key]));
}

/** The copy gets packages of its own when the new version wants other ones. */
async function install(copy: Workshop): Promise<void> {
  say('installing packages');
  rmSync(join(copy.root, 'node_modules'));
  await copy.run('npm', 'install', '--no-audit', '--no-fund');
}

async function make(copy: Workshop): Promise<void> {
  say('making generated code and contracts anew');
  await regenerate(copy);
  await updateSnapshots(copy);
  await format(copy);
}
