import type { Tree } from '@angular-devkit/schematics';

/** Names of the folders in a folder of the project. */
export function foldersOf(tree: Tree, folder: string): string[] {
  return tree.getDir(folder).subdirs;
}

/** Every file below a folder whose path fits, with its text. */
export function allTexts(tree: Tree, folder: string, fits: RegExp): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  tree.getDir(folder).visit((path) => {
    if (fits.test(path)) found.push({ path: path.slice(1), text: tree.readText(path) });
  });
  return found;
}
