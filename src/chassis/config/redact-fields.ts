/** Names of fields, whatever stands before: `apiToken`, `client_secret`. */
const SECRET = /(token|secret|password|passphrase|authorization|cookie|(private|api|access)[_-]?key)$/i;
export const REDACTED = '[redacted]';

/** A copy of a structured value without what its names call secret, at every depth; for showing it only. */
export function redactFields(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value, (name, item: unknown) => (SECRET.test(name) ? REDACTED : item)));
}
