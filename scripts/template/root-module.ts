import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { TemplateError } from './template-error.ts';

const ROOT_MODULE = 'src/app.module.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Takes the feature's import and its entries in `imports` out of `src/app.module.ts`.
 * @throws {TemplateError} when what is imported from it is used there in another way too
 */
export function unregister(root: string, feature: string): void {
  const file = join(root, ROOT_MODULE);
  const text = readFileSync(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports = source.statements.filter((statement) => isImportOf(statement, feature));
  const names = new Set(imports.flatMap(namesOf));
  const entries = find(source, (node) => ts.isIdentifier(node) && names.has(node.text) && !isInImport(node));
  for (const entry of entries) requireModuleEntry(source, entry);
  const spans = [...imports.map((node) => lineOf(text, node)), ...entries.map((node) => entryOf(text, node))];
  writeFileSync(file, cut(text, spans));
}

function isImportOf(node: ts.Statement, feature: string): node is ts.ImportDeclaration {
  return (
    ts.isImportDeclaration(node) &&
    ts.isStringLiteral(node.moduleSpecifier) &&
    node.moduleSpecifier.text.startsWith(`./features/${feature}/`)
  );
}

function namesOf({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  return bindings && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
}

function isInImport(node: ts.Node): boolean {
  return ts.isImportSpecifier(node.parent);
}

/** It must be an element of `imports: […]`. */
function requireModuleEntry(source: ts.SourceFile, node: ts.Node): void {
  const list = node.parent;
  const isEntry =
    ts.isArrayLiteralExpression(list) &&
    ts.isPropertyAssignment(list.parent) &&
    list.parent.name.getText() === 'imports';
  if (isEntry) return;
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  throw new TemplateError(
    `${ROOT_MODULE}:${line + 1} uses ${node.getText()} beside the list of imports. Take that out first.`,
  );
}

function find(node: ts.Node, isWanted: (node: ts.Node) => boolean): ts.Node[] {
  const found = isWanted(node) ? [node] : [];
  ts.forEachChild(node, (child) => void found.push(...find(child, isWanted)));
  return found;
}

function lineOf(text: string, node: ts.Node): Span {
  return { start: node.getStart(), end: text.indexOf('\n', node.end) + 1 };
}

/** The entry with the comma that follows it, or the one before it when it is the last. */
function entryOf(text: string, node: ts.Node): Span {
  const after = /^\s*,\s*/.exec(text.slice(node.end));
  if (after) return { start: node.getStart(), end: node.end + after[0].length };
  const before = /,?\s*$/.exec(text.slice(0, node.getStart()));
  return { start: node.getStart() - (before?.[0].length ?? 0), end: node.end };
}

function cut(text: string, spans: readonly Span[]): string {
  const fromTheEnd = spans.toSorted((one, other) => other.start - one.start);
  return fromTheEnd.reduce((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
}
