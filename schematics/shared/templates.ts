import {
  apply,
  applyTemplates,
  mergeWith,
  move,
  MergeStrategy,
  url,
  type Rule,
} from '@angular-devkit/schematics';
import ts from 'typescript';
import { refuse } from './refuse.ts';

/**
 * Writes the `*.template` files below `folder` (from the schematic's own), each at the path that it has
 * there, `__names__` in it replaced. A file that comes out without text is left out.
 * @param to the project's folder that they go to
 * @throws SchematicsException when a class would have the name of something that its file imports
 */
export function writeTemplates(folder: string, values: object, to = '/'): Rule {
  return mergeWith(
    apply(url(folder), [applyTemplates(values), dropEmpty(), refuseShadowing(), move(to)]),
    MergeStrategy.Error,
  );
}

/** A template that is one `if` writes nothing where it does not hold. */
function dropEmpty(): Rule {
  return (tree) => {
    tree.visit((path) => {
      if (tree.readText(path).trim() === '') tree.delete(path);
    });
  };
}

/** `CallMiddleware`, say, which each middleware imports from the chassis. */
function refuseShadowing(): Rule {
  return (tree) => {
    tree.visit((path) => {
      if (!path.endsWith('.ts')) return;
      const { statements } = ts.createSourceFile(path, tree.readText(path), ts.ScriptTarget.Latest);
      const classes = new Set(
        statements.flatMap((each) => (ts.isClassDeclaration(each) ? (each.name?.text ?? []) : [])),
      );
      const clash = statements.flatMap(importedNames).find((name) => classes.has(name));
      if (clash)
        refuse(`The class would be called ${clash}, which it imports by that name; choose another name`);
    });
  };
}

function importedNames(statement: ts.Statement): string[] {
  if (!ts.isImportDeclaration(statement)) return [];
  const bindings = statement.importClause?.namedBindings;
  return bindings && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
}
