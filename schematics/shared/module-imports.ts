import type { Rule } from '@angular-devkit/schematics';
import ts from 'typescript';
import { refuse } from './refuse.ts';

/** A class to import, and from where. */
export interface Import {
  readonly name: string;
  /** Such as `./features/invoices/invoices.module.js`. */
  readonly from: string;
}

export const ROOT_MODULE = '/src/app.module.ts';

/** Adds a class to a list (`imports`, `providers` …) of the module in a file. */
export function addToModule(file: string, list: string, added: Import): Rule {
  return (tree) => {
    if (!tree.exists(file)) refuse(`${file} is not there: the ${list} of a module were to be changed in it`);
    tree.overwrite(file, withEntry(tree.readText(file), list, added, file));
  };
}

/**
 * The module's text with one more entry at the end of `list`, and its import in the order of paths.
 * Taking both lines out again gives the text as it was.
 */
export function withEntry(text: string, list: string, { name, from }: Import, file: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const entries =
    listOf(source, list) ?? refuse(`${file} has no @Module({ ${list}: […] }) to add ${name} to`);
  if (entries.elements.some((element) => element.getText() === name))
    refuse(`${file} has ${name} already; choose another name or take it out first`);
  const last = entries.elements.at(-1);
  const at = last ? last.getEnd() : entries.getStart() + 1;
  const withElement = `${text.slice(0, at)}${last ? ', ' : ''}${name}${text.slice(at)}`;
  const line = `import { ${name} } from '${from}';\n`;
  const importAt = importPosition(source, from);
  return `${withElement.slice(0, importAt)}${line}${withElement.slice(importAt)}`;
}

/** The array of `list` in the first class with `@Module({ … })`. */
function listOf(source: ts.SourceFile, list: string): ts.ArrayLiteralExpression | undefined {
  for (const statement of source.statements) {
    if (!ts.isClassDeclaration(statement)) continue;
    for (const { expression } of ts.getDecorators(statement) ?? []) {
      if (!ts.isCallExpression(expression) || expression.expression.getText() !== 'Module') continue;
      const [metadata] = expression.arguments;
      if (!metadata || !ts.isObjectLiteralExpression(metadata)) continue;
      const property = metadata.properties.find((each) => each.name?.getText() === list);
      if (property && ts.isPropertyAssignment(property) && ts.isArrayLiteralExpression(property.initializer))
        return property.initializer;
    }
  }
  return undefined;
}

/** Before the first relative import that sorts after it, else after the last import. */
function importPosition(source: ts.SourceFile, from: string): number {
  const imports = source.statements.filter((statement) => ts.isImportDeclaration(statement));
  const pathOf = ({ moduleSpecifier }: ts.ImportDeclaration) => (moduleSpecifier as ts.StringLiteral).text;
  const next = imports.find((each) => pathOf(each).startsWith('.') && pathOf(each) > from);
  if (next) return next.getStart();
  const last = imports.at(-1);
  return last ? last.getEnd() + 1 : 0;
}
