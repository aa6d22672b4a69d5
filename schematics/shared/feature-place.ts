import type { Tree } from '@angular-devkit/schematics';
import { join, relative, sep } from 'node:path';
import { nameOf } from './names.ts';
import { refuse } from './refuse.ts';

const ROOT = join(import.meta.dirname, '../..');
const FEATURES = '/src/features';

/** A feature that is there already. */
export interface FeaturePlace {
  /** `invoice-items`. */
  readonly name: string;
  /** `/src/features/invoice-items`. */
  readonly folder: string;
  /** The file with its module. */
  readonly module: string;
}

/**
 * The feature that `--feature` names, else the one that the command is given in.
 * @throws SchematicsException when there is none; the message lists those that there are
 */
export function featurePlace(tree: Tree, option: string | undefined): FeaturePlace {
  const name = option === undefined ? currentFeature() : nameOf(option, '--feature').kebab;
  const there = tree.getDir(FEATURES).subdirs.map(String).toSorted();
  const known =
    there.length > 0 ? `there are: ${there.join(', ')}` : 'there is none yet: "nest generate feature"';
  if (name === undefined) refuse(`--feature is missing: say which feature it belongs to; ${known}`);
  const folder = `${FEATURES}/${name}`;
  const module = `${folder}/${name}.module.ts`;
  if (!tree.exists(module)) refuse(`--feature ${name}: ${module.slice(1)} is not there; ${known}`);
  return { name, folder, module };
}

function currentFeature(): string | undefined {
  const [src, features, name] = relative(ROOT, process.cwd()).split(sep);
  return src === 'src' && features === 'features' ? name : undefined;
}
