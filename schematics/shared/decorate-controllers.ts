import type { Rule } from '@angular-devkit/schematics';
import ts from 'typescript';
import type { Import } from './module-imports.ts';
import { refuse } from './refuse.ts';

/**
 * Puts a decorator that takes one class, such as `@UseGuards(…)`, on every controller of a folder.
 * @throws SchematicsException when there is no controller
 */
export function decorateControllers(folder: string, decorator: string, argument: Import): Rule {
  return (tree) => {
    const files = tree.getDir(folder).subfiles.filter((file) => file.endsWith('.controller.ts'));
    if (files.length === 0)
      refuse(`${folder.slice(1)} has no *.controller.ts that ${argument.name} could stand before`);
    for (const file of files) {
      const path = `${folder}/${file}`;
      tree.overwrite(path, decorated(tree.readText(path), decorator, argument, path));
    }
  };
}

function decorated(text: string, decorator: string, { name, from }: Import, file: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const controllers = source.statements.filter(isController);
  let changed = text;
  for (const controller of controllers.toReversed()) {
    const at = firstDecorator(controller).getStart();
    changed = `${changed.slice(0, at)}@${decorator}(${name})\n${changed.slice(at)}`;
  }
  const last = source.statements.findLast((statement) => ts.isImportDeclaration(statement));
  const at = last ? last.getEnd() + 1 : 0;
  changed = `${changed.slice(0, at)}import { ${name} } from '${from}';\n${changed.slice(at)}`;
  return withCommonImport(changed, decorator, file);
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

/** The decorator among what is imported of @nestjs/common. */
function withCommonImport(text: string, decorator: string, file: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) || statement.moduleSpecifier.getText() !== "'@nestjs/common'")
      continue;
    const bindings = statement.importClause?.namedBindings;
    if (!bindings || !ts.isNamedImports(bindings)) continue;
    if (bindings.elements.some((element) => element.getText() === decorator)) return text;
    const at = bindings.elements.at(-1)?.getEnd() ?? bindings.getStart() + 1;
    return `${text.slice(0, at)}, ${decorator}${text.slice(at)}`;
  }
  return `import { ${decorator} } from '@nestjs/common';\n${text}`;
}
