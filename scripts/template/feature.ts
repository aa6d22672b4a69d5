import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { requireFeatureName } from './names.ts';
import { TemplateError } from './template-error.ts';

const FEATURES = 'src/features';

/** A feature of the service, and all that belongs to it. */
export interface Feature {
  readonly name: string;
  /** Files and folders, from the project's folder; not what another feature names as its own, too. */
  readonly paths: readonly string[];
  /** Entries of package.json's `scripts`. */
  readonly scripts: readonly string[];
  /** Packages that it brought along; others may have come to use them. */
  readonly packages: readonly string[];
}

type Extras = Partial<Pick<Feature, 'paths' | 'scripts' | 'packages'>>;

/** The names of all features, sorted. */
export function featuresOf(root: string): string[] {
  if (!statSync(join(root, FEATURES), { throwIfNoEntry: false })) return [];
  const entries = readdirSync(join(root, FEATURES), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

/**
 * The feature of this name, as the conventions of UPGRADING.md and its own `feature.json` have it.
 * @throws {TemplateError} when there is none, or its `feature.json` does not say what it should
 */
export function readFeature(root: string, name: string): Feature {
  requireFeatureName(name);
  const features = featuresOf(root);
  if (!features.includes(name))
    throw new TemplateError(
      `There is no feature "${name}" in ${FEATURES}. There is: ${features.join(', ') || 'none'}.`,
    );
  const extras = readExtras(root, name);
  const contract = protoFolderOf(name);
  const own = [
    `src/features/${name}`,
    `proto/${contract}`,
    `src/generated/${contract}`,
    `grafana/features/${name}.row.ts`,
  ];
  const tests = globSync(`test/features/${name}.*`, { cwd: root });
  const others = features.filter((other) => other !== name);
  // A contract of another service may have a client in several features.
  const shared = new Set(others.flatMap((other) => readExtras(root, other).paths ?? []));
  const further = (extras.paths ?? []).filter((path) => !shared.has(path));
  return {
    name,
    paths: [...own, ...tests.toSorted(), ...further].filter((path) => exists(root, path)),
    scripts: extras.scripts ?? [],
    packages: extras.packages ?? [],
  };
}

/** Proto packages have no hyphens: those of `stock-items` are in `proto/stock_items`. */
export function protoFolderOf(feature: string): string {
  return feature.replaceAll('-', '_');
}

function readExtras(root: string, name: string): Extras {
  const file = `${FEATURES}/${name}/feature.json`;
  if (!exists(root, file)) return {};
  let extras: Extras;
  try {
    extras = JSON.parse(readFileSync(join(root, file), 'utf8')) as Extras;
  } catch (error) {
    throw new TemplateError(`${file} is not JSON: ${(error as Error).message}`);
  }
  for (const key of ['paths', 'scripts', 'packages'] as const) requireWords(file, key, extras[key]);
  for (const path of extras.paths ?? []) requireInside(file, path);
  return extras;
}

function requireWords(file: string, key: string, value: unknown): void {
  if (value === undefined || (Array.isArray(value) && value.every((word) => typeof word === 'string')))
    return;
  throw new TemplateError(`${file}: "${key}" must be a list of strings.`);
}

/** A feature's own paths, and no way out of the project or into the chassis. */
function requireInside(file: string, path: string): void {
  const isPlain = path === normalize(path) && !path.startsWith('/') && !path.startsWith('..') && path !== '.';
  if (isPlain && !/^(src\/chassis|node_modules|\.git)(\/|$)/.test(path)) return;
  throw new TemplateError(
    `${file}: "paths" may not hold "${path}". Name files and folders of the feature only.`,
  );
}

function exists(root: string, path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}
