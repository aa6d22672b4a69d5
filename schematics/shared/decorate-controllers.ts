import type { Rule } from '@angular-devkit/schematics';
import ts from 'typescript';
import type { Import } from './module-imports.ts';
import { refuse } from './refuse.ts';

/** `@UseGuards(DoorGuard)`, say, with what it needs to be imported. */
export interface Decoration {
  readonly decorator: string;
  readonly argument: string;
  readonly imports: readonly Import[];
}

/**
 * Puts a decorator on every controller of a folder that has not the same one already.
 * @throws SchematicsException when there is no controller
 */
export function decorateControllers(folder: string, decoration: Decoration): Rule {
  return (tree) => {
    const files = tree.getDir(folder).subfiles.filter((file) => file.endsWith('.controller.ts'));
    if (files.length === 0)
      refuse(`${folder.slice(1)} has no *.controller.ts that @${decoration.decorator} could stand before`);
    for (const file of files) {
      const path = `${folder}/${file}`;
      tree.overwrite(path, decorated(tree.readText(path), decoration, path));
    }
  };
}

function decorated(text: string, { decorator, argument, imports }: Decoration, file: string): string {
  const line = `@${decorator}(${argument})`;
  const controllers = parse(text, file).statements.filter(isController);
  const bare = controllers.filter((each) => !decoratorsOf(each).some((other) => other.getText() === line));
  if (bare.length === 0) return text;
  let changed = text;
  for (const controller of bare.toReversed()) {
    const at = firstDecorator(controller).getStart();
    changed = `${changed.slice(0, at)}${line}\n${changed.slice(at)}`;
  }
  return imports.reduce((all, added) => withImport(all, added, file), changed);
}

function parse(text: string, file: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function isController(statement: ts.Statement): statement is ts.ClassDeclaration {
  return (
    ts.isClassDeclaration(statement) && decoratorsOf(statement).some((each) => nameOf(each) === 'Controller')
  );
}

function decoratorsOf(statement: ts.ClassDeclaration): readonly ts.Decorator[] {
  return ts.getDecorators(statement) ?? [];
}

function firstDecorator(statement: ts.ClassDeclaration): ts.Node {
  return decoratorsOf(statement)[0] ?? statement;
}

function nameOf({ expression }: ts.Decorator): string {
  return ts.isCallExpression(expression) ? expression.expression.getText() : expression.getText();
}

/** The text with one more name imported, beside the others from there if there are any. */
function withImport(text: string, { name, from }: Import, file: string): string {
  const imports = parse(text, file).statements.filter((statement) => ts.isImportDeclaration(statement));
  for (const { moduleSpecifier, importClause } of imports) {
    const bindings = importClause?.namedBindings;
    if (moduleSpecifier.getText() !== `'${from}'` || !bindings || !ts.isNamedImports(bindings)) continue;
    if (bindings.elements.some((element) => element.getText() === name)) return text;
    const at = bindings.elements.at(-1)?.getEnd() ?? bindings.getStart() + 1;
    return `${text.slice(0, at)}, ${name}${text.slice(at)}`;
  }
  const last = imports.at(-1);
  const at = last ? last.getEnd() + 1 : 0;
  return `${text.slice(0, at)}import { ${name} } from '${from}';\n${text.slice(at)}`;
}
