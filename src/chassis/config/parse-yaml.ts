import { parseDocument } from 'yaml';

/**
 * What a YAML or JSON text says. A tag that nobody resolves, as `!vault` or `!Ref`, is refused: its text would be taken for the
 * value, and Node's warning would show the line on standard error.
 * @throws {YAMLError} whose message shows the line, which may hold what belongs in no log
 * @throws {Error} for more aliases than the parser follows
 */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, { logLevel: 'error' });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw fault;
  return document.toJS();
}
