import type { Rule } from '@angular-devkit/schematics';

/** What a feature owns beside its folders. */
interface FeatureJson {
  readonly paths?: readonly string[];
}

/** Adds paths to the feature.json of a feature, which goes with it. */
export function addToFeatureJson(folder: string, paths: readonly string[]): Rule {
  return (tree) => {
    const file = `${folder}/feature.json`;
    const before = (tree.exists(file) ? tree.readJson(file) : {}) as FeatureJson;
    const text = JSON.stringify({ ...before, paths: [...new Set([...(before.paths ?? []), ...paths])] });
    if (tree.exists(file)) tree.overwrite(file, text);
    else tree.create(file, text);
  };
}
