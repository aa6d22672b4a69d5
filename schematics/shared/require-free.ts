import type { Rule } from '@angular-devkit/schematics';
import { refuse } from './refuse.ts';

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
