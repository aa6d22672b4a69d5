import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPackage } from './package-json.ts';
import type { Repository } from './repository.ts';
import { TemplateError } from './template-error.ts';

/** What `init` is to take away of the template's past. */
export interface Resets {
  readonly git: boolean;
  readonly changelog: boolean;
}

/**
 * What is a service already has a past of its own, which is not taken away with the template's.
 * @throws {TemplateError} when one of these resets is wanted and was not made
 */
export async function requireReset(project: Repository, { git, changelog }: Resets): Promise<void> {
  const missed = [
    ...(git && (await hasTemplateHistory(project)) ? ['--reset-git'] : []),
    ...(changelog && (await hasTemplateChangelog(project)) ? ['--reset-changelog'] : []),
  ];
  if (missed.length === 0) return;
  const name = readPackage(project.root).name;
  throw new TemplateError(
    `This is ${name} already, which was made without ${missed.join(' and ')}; that is for the first run alone, ` +
      'and nothing was changed. Give the whole command in a fresh clone of the template.',
  );
}

async function hasTemplateHistory(project: Repository): Promise<boolean> {
  const commit = await templateCommit(project);
  return commit !== undefined && project.isAncestor(commit, 'HEAD');
}

/** Entries, since the rest is the same in every changelog; one is enough, since others may bear the new name. */
async function hasTemplateChangelog(project: Repository): Promise<boolean> {
  const commit = await templateCommit(project);
  if (commit === undefined) return false;
  const entries = entriesOf(await project.git('show', `${commit}:CHANGELOG.md`));
  const ours = new Set(entriesOf(readFileSync(join(project.root, 'CHANGELOG.md'), 'utf8')));
  return entries.some((entry) => ours.has(entry));
}

function entriesOf(changelog: string): string[] {
  return changelog.split('\n').filter((line) => line.startsWith('- '));
}

/** `undefined` when git does not have it, as in a clone of a service whose history is its own. */
async function templateCommit(project: Repository): Promise<string | undefined> {
  const { chassis } = readPackage(project.root);
  return chassis && project.commitOf(chassis.commit);
}
