import { METHODS } from 'node:http';
import fc, { type Arbitrary } from 'fast-check';
import { valid, type Context, type Schema } from './json-schema.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateJson } from './mutate-json.js';

/** The parts of an OpenAPI document that requests are made from. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}
interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

/** A request before it is written: every part may be wrong. */
interface Parts {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | undefined;
}

/** Requests, one character a byte so that a failure can be read. */
export interface RestRequests {
  readonly valid: Arbitrary<string>;
  /** Valid ones, the same with faults, and plain noise. */
  readonly any: Arbitrary<string>;
}

// Deeper than a recursive parser survives.
const DEEP_ARRAY = '['.repeat(100_000) + ']'.repeat(100_000);
const DEEP_OBJECT = '{"items":'.repeat(50_000) + '1' + '}'.repeat(50_000);

/** Requests for every operation of the document. */
export function restRequests(document: OpenApi, knownIds: readonly string[] = []): RestRequests {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const context: Context = { components: document.components?.schemas ?? {}, knownIds };
  const wild = fc.record<Parts>({
    method: fc.constantFrom(...METHODS),
    target: strangeTarget,
    headers: fc.array(strangeHeader, { maxLength: 3 }),
    body: fc.option(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
  });
  const readable = (bytes: Buffer): string => bytes.toString('latin1');
  if (operations.length === 0) {
    const noise = wild.map(write).map(readable);
    return { valid: noise, any: noise };
  }
  const known = fc.oneof(
    ...operations.map(({ path, method, operation }) => partsOf(path, method, operation, context)),
  );
  const requests = fc.oneof(
    { weight: 3, arbitrary: known.map(write) },
    { weight: 6, arbitrary: known.chain(spoil).map(write) },
    { weight: 1, arbitrary: wild.map(write) },
    { weight: 1, arbitrary: mutateBytes(known.map(write)) },
  );
  return { valid: known.map(write).map(readable), any: requests.map(readable) };
}

function partsOf(path: string, method: string, operation: Operation, context: Context): Arbitrary<Parts> {
  const parameters = operation.parameters ?? [];
  const values = fc.record(
    Object.fromEntries(parameters.map(({ name, schema }) => [name, valid(schema, context)])),
    { requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name) },
  ) as Arbitrary<Record<string, unknown>>;
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const json = schema ? valid(schema, context) : fc.constant(undefined);
  // Half of the bodies have faults of their own; the rest reach the handler.
  const body = schema ? fc.oneof(json, json, mutateJson(json)) : json;
  return fc.tuple(values, body).map(([given, value]) => {
    const named = (place: string) =>
      parameters.filter((parameter) => parameter.in === place && parameter.name in given);
    const target = path.replaceAll(/\{(.+?)\}/g, (_, name: string) =>
      encodeURIComponent(String(given[name])),
    );
    const query = named('query').map(({ name }) => `${name}=${encodeURIComponent(toText(given[name]))}`);
    return {
      method,
      target: query.length > 0 ? `${target}?${query.join('&')}` : target,
      headers: named('header').map(({ name }) => [name, toText(given[name])] as const),
      body: value === undefined ? undefined : Buffer.from(JSON.stringify(value) ?? ''),
    };
  });
}

/** Lone surrogates have no percent-encoding. */
function toText(value: unknown): string {
  return String(value).toWellFormed();
}

const strangeText = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => encodeURIComponent(text.toWellFormed()));
const strangeTarget = fc.oneof(
  fc.webPath(),
  strangeText.map((text) => `/v1/${text}`),
  fc.constantFrom(
    '*',
    '/',
    '//',
    '/../etc/passwd',
    '/%',
    '/%ff',
    '/%00',
    '/v1/orders/%2e%2e',
    '/docs',
    '/openapi.json',
  ),
  fc.constant(`/${'a'.repeat(8000)}`),
);
const headerValue = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
});
const strangeHeader = fc.oneof(
  fc.tuple(fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/), headerValue),
  fc.tuple(
    fc.constantFrom('x-request-id', 'idempotency-key', 'if-match', 'if-none-match', 'accept', 'range'),
    headerValue,
  ),
  fc.constantFrom<[string, string]>(
    ['content-type', 'text/plain'],
    ['content-type', 'application/json; charset=utf-16'],
    ['content-type', 'application/json;;;='],
    ['content-type', 'multipart/form-data'],
    ['content-type', ''],
    ['content-encoding', 'gzip'],
    ['x-request-timeout-ms', '0'],
    ['x-request-timeout-ms', '-1'],
    ['x-request-timeout-ms', '1e3'],
    ['x-request-timeout-ms', '2'],
    ['host', ''],
    ['expect', '100-continue'],
    ['expect', 'something'],
    ['upgrade', 'websocket'],
    ['upgrade', 'h2c'],
    ['transfer-encoding', 'gzip'],
    ['content-length', '5'],
    ['origin', 'null'],
    ['cookie', 'a'.repeat(20_000)],
  ),
);

/** One part of a valid request made wrong. */
function spoil(parts: Parts): Arbitrary<Parts> {
  const { body } = parts;
  const spoilt: Arbitrary<Partial<Parts>>[] = [
    fc.constantFrom(...METHODS, 'get', 'NOTHING').map((method) => ({ method })),
    strangeTarget.map((target) => ({ target })),
    fc
      .tuple(fc.constantFrom('?', '&', '/', '%', '#', ';', '/../'), strangeText)
      .map(([mark, text]) => ({ target: `${parts.target}${mark}${text}` })),
    fc
      .constantFrom('?pageSize=1&pageSize=2', '?a[]=1', '?__proto__[a]=1', '?constructor=1', '?&&&=')
      .map((query) => ({ target: parts.target + query })),
    fc
      .array(strangeHeader, { minLength: 1, maxLength: 3 })
      .map((more) => ({ headers: [...parts.headers, ...more] })),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => ({ body: Buffer.from(bytes) })),
  ];
  if (body) {
    spoilt.push(mutateBytes(fc.constant(body)).map((bytes) => ({ body: bytes })));
    spoilt.push(
      fc
        .constantFrom(
          '1e999',
          '-0',
          '{"a":1,"a":2}',
          '[',
          'NaN',
          DEEP_ARRAY,
          DEEP_OBJECT,
          '{"__proto__":1}',
          '\u2028',
        )
        .map((text) => ({ body: Buffer.from(text) })),
    );
  }
  return fc.oneof(...spoilt).map((fault) => ({ ...parts, ...fault }));
}

function write({ method, target, headers, body }: Parts): Buffer {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const usual: [string, string][] = [
    ['host', 'fuzz'],
    ['connection', 'close'],
  ];
  if (body) usual.push(['content-type', 'application/json'], ['content-length', String(body.length)]);
  const all = [...usual.filter(([name]) => !given.has(name)), ...headers];
  const head = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${head}\r\n`, 'latin1'),
    body ?? Buffer.alloc(0),
  ]);
}
