import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { featuresOf } from './feature.ts';
import { readLock, readPackage, type PackageJson, type PackageLock } from './package-json.ts';
import { removePassages } from './passages.ts';
import { format } from './regenerate.ts';
import { parsePackageName, rename } from './rename.ts';
import { TemplateError } from './template-error.ts';
import type { Workshop } from './workshop.ts';

/** Tags of the checkout in the copy, apart from the project's own. */
const TAGS = 'refs/template-tags';

/** One version of the template, as this project would have it. */
export interface TemplateVersion {
  /** The template's commit. */
  readonly commit: string;
  /** The same with the project's name, and no word of features that the project has not. */
  readonly renamed: string;
  readonly package: PackageJson;
  readonly lock: PackageLock;
}

/**
 * The commit that `--from` means, fetched into the copy.
 * @throws {TemplateError} when it is neither a git checkout nor known to the project's own repository
 */
export async function fetchNew(copy: Workshop, from: string): Promise<string> {
  const folder = resolve(from);
  if (!from.startsWith('-') && existsSync(folder)) {
    const tags = `+refs/tags/*:${TAGS}/*`;
    await copy.git('fetch', '--quiet', '--no-tags', folder, '+HEAD:refs/heads/new', tags).catch(() => {
      throw new TemplateError(`--from ${from} is no git checkout. Clone the template, or name a tag of it.`);
    });
  }
  const commit = existsSync(folder) ? await copy.commitOf('refs/heads/new') : await copy.commitOf(from);
  if (commit) return commit;
  throw new TemplateError(
    `--from ${from} is neither a folder nor a commit or tag of this repository. ` +
      'Give the path of a checkout of the template, or fetch its tags: git fetch template tag <tag>',
  );
}

/**
 * The template's commit that the project was made from: `--base`, else what package.json records, else the tag of
 * the recorded version, else the last commit that both histories have.
 * @throws {TemplateError} when none of them is there
 */
export async function findBase(copy: Workshop, newer: string, given: string | undefined): Promise<string> {
  if (given !== undefined) {
    const commit = await copy.commitOf(given);
    if (commit) return commit;
    throw new TemplateError(`--base ${given} is no commit of this repository or of --from.`);
  }
  const { chassis } = readPackage(copy.root);
  const names = chassis
    ? [chassis.commit, `${TAGS}/v${chassis.version}`, `refs/tags/v${chassis.version}`]
    : [];
  for (const name of names) {
    const commit = await copy.commitOf(name);
    if (commit) return commit;
  }
  return copy.git('merge-base', 'HEAD', newer).catch(() => {
    throw new TemplateError(
      `The version that this project was made from${chassis ? ` (${chassis.version}, ${chassis.commit})` : ''} is ` +
        'neither in this repository nor in --from. Give --from a full clone, or name its commit with --base.',
    );
  });
}

/**
 * Makes a version of the template what the project would have made of it, by its name and its features: what differs
 * after that is somebody's work. The copy is left at it; check out what you need next.
 */
export async function asProject(
  copy: Workshop,
  commit: string,
  name: string,
  features: readonly string[],
): Promise<TemplateVersion> {
  await copy.git('checkout', '--quiet', '--detach', commit);
  await rename(copy, parsePackageName(name));
  for (const feature of featuresOf(copy.root))
    if (!features.includes(feature)) await removePassages(copy, feature);
  await format(copy);
  const content = { package: readPackage(copy.root), lock: readLock(copy.root) };
  return { commit, renamed: await copy.commit(), ...content };
}
