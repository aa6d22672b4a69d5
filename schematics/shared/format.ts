import type { Rule } from '@angular-devkit/schematics';
import { format, getFileInfo, resolveConfig } from 'prettier';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Formats every file that is new or changed with the project's prettier, as `npm run format` does. */
export function formatChanged(): Rule {
  return async (tree) => {
    const paths = tree.actions.flatMap((action) => (action.kind === 'd' ? [] : [action.path]));
    for (const path of new Set(paths)) {
      const filepath = join(ROOT, path);
      if ((await getFileInfo(filepath)).inferredParser === null) continue;
      const options = await resolveConfig(filepath);
      tree.overwrite(path, await format(tree.readText(path), { ...options, filepath }));
    }
  };
}
