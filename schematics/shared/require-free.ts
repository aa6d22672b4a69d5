import type { Rule } from '@angular-devkit/schematics';
import { refuse } from './refuse.ts';
import { allTexts, foldersOf } from './tree.ts';

/** @throws SchematicsException naming the first of the files that is there already */
export function requireFree(folder: string, ...files: readonly string[]): Rule {
  return (tree) => {
    for (const file of files) {
      const path = `${folder}/${file}`;
      if (tree.exists(path))
        refuse(`${path.slice(1)} is there already; choose another name or take it away first`);
    }
  };
}

/**
 * For what the whole service knows by its name: a client, a guard's reason, a job, a health indicator, a middleware.
 * @throws SchematicsException naming the feature's file that has the name already
 */
export function requireFreeInFeatures(file: string): Rule {
  return (tree) => {
    const features = '/src/features';
    const taken = foldersOf(tree, features).map((feature) => `${features}/${feature}/${file}`);
    const path = taken.find((each) => tree.exists(each));
    if (path) refuse(`${path.slice(1)} is there already; choose another name or take it away first`);
  };
}

/** @throws SchematicsException naming the first of the configuration's keys that is declared already, and where */
export function requireFreeKeys(...keys: readonly string[]): Rule {
  return (tree) => {
    const sources = allTexts(tree, '/src', /(?<!\.spec)\.ts$/);
    for (const key of keys) {
      const declaration = new RegExp(`^\\s*${key}:`, 'm');
      const found = sources.find(({ text }) => declaration.test(text));
      if (found)
        refuse(`The configuration key ${key} is declared already in ${found.path}; choose another name`);
    }
  };
}

/** @throws SchematicsException naming the list that has the reason of an error already: the chassis' or a feature's */
export function requireFreeReason(reason: string): Rule {
  return (tree) => {
    const lists = ['/docs', '/src/features'].flatMap((folder) => allTexts(tree, folder, /errors\.md$/));
    const found = lists.find(({ text }) => text.includes(`\`${reason}\``));
    if (found) refuse(`The reason ${reason} is in use already (${found.path}); choose another name`);
  };
}
