export const REDACTED = '[redacted]';

const REDACTED_JSON = JSON.stringify(REDACTED);
/** What a name ends in whose value is never shown, whatever stands before: `apiToken`, `client_secret`. */
const SECRET =
  'token|secrets?|passwords?|passwd|pwd|passcode|passphrase|authorization|cookies?|credentials?|jwt|bearer|' +
  '(?:private|secret|api|access|signing|encryption)[_-]?key|session[_-]?id';
/** The end of such a name in JSON. Inside of a text it cannot be: there the quotation mark is escaped. */
const SECRET_NAME = new RegExp(`(?<=${SECRET})":`, 'gi');
/** As in `redis://user:password@host`; none of the marks of JSON is a part of it. */
const URL_PASSWORD = /(:\/\/[^\s/?#:@"\\]*:)[^\s/?#"\\]*@/g;
/** Signatures, too: such a URL opens by itself what it names. */
const URL_PARAMETER = new RegExp(
  `((?:^|[?&])[^\\s?&#="\\\\]*(?:${SECRET}|sig|signature)=)[^\\s&#"\\\\]+`,
  'gi',
);

/**
 * JSON without the values of fields that their names call secret, at every depth, and without the secrets of URLs.
 * What has none is searched once and returned as it is.
 * @param json as `JSON.stringify` writes it, without white space
 */
export function redactJson(json: string): string {
  let redacted = '';
  let done = 0;
  for (SECRET_NAME.lastIndex = 0; SECRET_NAME.test(json); SECRET_NAME.lastIndex = done) {
    redacted += json.slice(done, SECRET_NAME.lastIndex) + REDACTED_JSON;
    done = endOfValue(json, SECRET_NAME.lastIndex);
  }
  const text = done === 0 ? json : redacted + json.slice(done);
  return text.includes('//') ? redactUrls(text) : text;
}

/** A text without passwords of URLs, and without the values of parameters that their names call secret. */
export function redactUrls(text: string): string {
  return redactQuery(text.replace(URL_PASSWORD, '$1redacted@'));
}

/**
 * A query without the values of parameters that their names call secret.
 * Source: semantic conventions for URLs, `url.query`
 */
export function redactQuery(query: string): string {
  return query.replace(URL_PARAMETER, '$1REDACTED');
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
