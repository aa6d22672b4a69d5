import { pluralOf } from '../../schematics/shared/plural.ts';
import { resetChangelog } from './changelog.ts';
import { say } from './command.ts';
import { featuresOf } from './feature.ts';
import { readPackage, writePackage } from './package-json.ts';
import { format, regenerate, updateSnapshots } from './regenerate.ts';
import { removeFeature } from './remove-feature.ts';
import { parsePackageName, printPackageName, rename, requireDistinct, type PackageName } from './rename.ts';
import type { Workshop } from './workshop.ts';

/** The feature that the template brings along. */
const SAMPLE = 'orders';

/** What a service is to become. */
export interface Wishes {
  readonly name: PackageName;
  /** The feature to have instead of the sample. */
  readonly domain: string | undefined;
  readonly resetsChangelog: boolean;
}

/** Whether all of it is so already. */
export function isInitialised(root: string, { name, domain }: Wishes): boolean {
  const content = readPackage(root);
  if (!content.chassis || content.name !== printPackageName(withScope(content.name, name))) return false;
  return domain === undefined || hasFeature(root, domain);
}

/** Makes the copy what it is to become. */
export async function initialise(copy: Workshop, { name, domain, resetsChangelog }: Wishes): Promise<void> {
  const { name: oldName, version, chassis } = readPackage(copy.root);
  const old = parsePackageName(oldName);
  if (chassis && old.service !== name.service) await requireDistinct(copy, old.service);
  say(`renaming ${oldName} to ${printPackageName(name)}`);
  await rename(copy, withScope(oldName, name));
  const commit = await copy.git('rev-parse', 'HEAD');
  writePackage(copy.root, { ...readPackage(copy.root), chassis: chassis ?? { version, commit } });
  if (resetsChangelog) resetChangelog(copy.root);
  if (domain !== undefined && !hasFeature(copy.root, domain)) await replaceSample(copy, domain);
  say('making generated code and contracts anew');
  await regenerate(copy);
  if (domain !== undefined) await updateSnapshots(copy);
  await format(copy);
}

async function replaceSample(copy: Workshop, domain: string): Promise<void> {
  say(`generating the feature ${domain}`);
  await copy.run('node', 'schematics/bin/nest.ts', 'generate', 'feature', domain);
  if (!featuresOf(copy.root).includes(SAMPLE)) return;
  say(`removing the sample feature ${SAMPLE}`);
  await copy.git('add', '--all');
  await removeFeature(copy, SAMPLE);
}

/** Without `--scope` the package keeps the one it has. */
function withScope(current: string, { service, scope }: PackageName): PackageName {
  return { service, scope: scope ?? parsePackageName(current).scope };
}

/** The generator names a feature in the plural. */
function hasFeature(root: string, domain: string): boolean {
  return featuresOf(root).includes(pluralOf(domain.split('-')).join('-'));
}
