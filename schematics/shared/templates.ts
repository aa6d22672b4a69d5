import {
  apply,
  applyTemplates,
  mergeWith,
  move,
  MergeStrategy,
  url,
  type Rule,
} from '@angular-devkit/schematics';

/**
 * Writes the `*.template` files below `folder` (from the schematic's own), each at the path that it has
 * there, `__names__` in it replaced. A file that comes out without text is left out.
 * @param to the project's folder that they go to
 */
export function writeTemplates(folder: string, values: object, to = '/'): Rule {
  return mergeWith(apply(url(folder), [applyTemplates(values), dropEmpty(), move(to)]), MergeStrategy.Error);
}

/** A template that is one `if` writes nothing where it does not hold. */
function dropEmpty(): Rule {
  return (tree) => {
    tree.visit((path) => {
      if (tree.readText(path).trim() === '') tree.delete(path);
    });
  };
}
