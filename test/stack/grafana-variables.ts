import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';

/** Values of a dashboard's variables; several values are what a reader has ticked. */
export type VariableValues = Readonly<Record<string, string | readonly string[]>>;

const REFERENCE = /\$\{(\w+)(?::\w+)?\}|\$(\w+)/g;
const LABEL_VALUES = /^label_values\((?<selector>.+),\s*(?<label>\w+)\)$/;

/** The names of the variables in a text, Grafana's own (`__…`) left out. */
export function variablesIn(text: string): string[] {
  const names = [...text.matchAll(REFERENCE)].map(([, braced, bare]) => braced ?? bare ?? '');
  return names.filter((name) => !name.startsWith('__'));
}

/**
 * Replaces variables as Grafana's data source for Prometheus does: values are escaped as part of a regular expression in
 * a string, several of them become alternatives. Source: `interpolateQueryExpr` and `prometheusSpecialRegexEscape`.
 *
 * @throws Error for a variable without a value
 */
export function substitute(text: string, values: VariableValues): string {
  return text.replaceAll(REFERENCE, (reference, braced?: string, bare?: string) => {
    const value = values[braced ?? bare ?? ''];
    if (value === undefined) throw new Error(`${reference} has no value in: ${text}`);
    if ((braced ?? bare ?? '').startsWith('__')) return String(value);
    const escaped = [value].flat().map((one) => escapeForPrometheus(one));
    return escaped.length === 1 ? String(escaped[0]) : `(${escaped.join('|')})`;
  });
}

/** What a variable of the kind `label_values(selector, label)` asks for. */
export function labelValuesOf({ name, definition = '' }: VariableModel): { selector: string; label: string } {
  const { selector, label } = LABEL_VALUES.exec(definition)?.groups ?? {};
  if (selector === undefined || label === undefined)
    throw new Error(`The variable ${name} is no label_values(selector, label): ${definition}`);
  return { selector, label };
}

function escapeForPrometheus(value: string): string {
  return value.replaceAll('\\', '\\\\\\\\').replaceAll(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
}
