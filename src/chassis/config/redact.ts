export const REDACTED = '[redacted]';

const REDACTED_JSON = JSON.stringify(REDACTED);
/**
 * The end of a field's name in JSON, where its value is never shown, whatever stands before: `"apiToken":`,
 * `"client_secret":`. Inside of a text it cannot be: there the quotation mark is escaped.
 */
const SECRET_NAME =
  /(?:token|secret|password|passphrase|authorization|cookie|(?:private|api|access)[_-]?key)":/gi;

/**
 * JSON without the values of fields that their names call secret, at every depth. What has none is searched once
 * and returned as it is.
 * @param json as `JSON.stringify` writes it, without white space
 */
export function redactJson(json: string): string {
  let redacted = '';
  let done = 0;
  for (SECRET_NAME.lastIndex = 0; SECRET_NAME.test(json); SECRET_NAME.lastIndex = done) {
    redacted += json.slice(done, SECRET_NAME.lastIndex) + REDACTED_JSON;
    done = endOfValue(json, SECRET_NAME.lastIndex);
  }
  return done === 0 ? json : redacted + json.slice(done);
}

/** A copy of a structured value without what its names call secret, at every depth; for showing it only. */
export function redactFields(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(redactJson(JSON.stringify(value)));
}

/** Behind the value that begins at `begin`. */
function endOfValue(json: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < json.length; at++) {
    const char = json[at];
    if (char === '"') at = closingQuote(json, at);
    else if (char === '{' || char === '[') depth += 1;
    else if (depth === 0 && (char === ',' || char === '}' || char === ']')) return at;
    else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return json.length;
}

/** The mark that ends the text whose first one is at `open`. */
function closingQuote(json: string, open: number): number {
  for (let at = open + 1; at < json.length; at++) {
    if (json[at] === '"') return at;
    if (json[at] === '\\') at += 1;
  }
  return json.length;
}
