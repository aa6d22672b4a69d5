import {
  keyOf,
  operationsOf,
  resolve,
  withoutNull,
  type Content,
  type LocatedOperation,
  type OpenApi,
  type Schema,
} from './open-api.ts';

/** The schemas of one value, released and now, and what a person would call it. */
export interface Pair {
  readonly place: string;
  readonly before: Schema;
  readonly after: Schema;
}

/** An operation that both documents have. */
export interface SharedOperation {
  /** Method and path. */
  readonly name: string;
  readonly before: LocatedOperation;
  readonly after: LocatedOperation;
}

export function sharedOperations(base: OpenApi, revision: OpenApi): SharedOperation[] {
  const operations = new Map(operationsOf(revision).map((operation) => [keyOf(operation), operation]));
  return operationsOf(base).flatMap((before) => {
    const after = operations.get(keyOf(before));
    return after ? [{ name: `${after.method.toUpperCase()} ${after.path}`, before, after }] : [];
  });
}

/** The parameters that both have. */
export function parameterPairs({ before, after }: SharedOperation): Pair[] {
  return (after.parameters ?? []).flatMap(({ name, in: where, schema = {} }) => {
    const old = before.parameters?.find((other) => other.name === name && other.in === where);
    return old ? [{ place: `${where} parameter ${name}`, before: old.schema ?? {}, after: schema }] : [];
  });
}

/** The bodies of requests that both have. */
export function bodyPairs({ before, after }: SharedOperation): Pair[] {
  return contentPairs('request', before.requestBody?.content, after.requestBody?.content);
}

/** The bodies of answers that both have. */
export function answerPairs({ before, after }: SharedOperation): Pair[] {
  return Object.entries(after.responses ?? {}).flatMap(([status, { content }]) =>
    contentPairs(`answer ${status}`, before.responses?.[status]?.content, content),
  );
}

function contentPairs(place: string, before: Content = {}, after: Content = {}): Pair[] {
  return Object.entries(after).flatMap(([type, { schema = {} }]) => {
    const old = before[type];
    return old ? [{ place, before: old.schema ?? {}, after: schema }] : [];
  });
}

/**
 * A pair and all that is inside of both, behind references.
 * @param seen references that were followed, because schemas may contain themselves
 */
export function within(pair: Pair, documents: readonly [OpenApi, OpenApi], seen: Set<string>): Pair[] {
  const references = `${pair.before.$ref} ${pair.after.$ref}`;
  if (pair.before.$ref !== undefined && pair.after.$ref !== undefined) {
    if (seen.has(references)) return [];
    seen.add(references);
  }
  const { place } = pair;
  const own = { place, before: flatten(documents[0], pair.before), after: flatten(documents[1], pair.after) };
  return [own, ...partsOf(own).flatMap((part) => within(part, documents, seen))];
}

/** What may be null as what it is otherwise. */
function flatten(document: OpenApi, reference: Schema): Schema {
  const schema = resolve(document, reference);
  const only = withoutNull(document, schema);
  if (only === schema) return schema;
  const { anyOf: _any, oneOf: _one, allOf: _all, ...beside } = schema;
  return { ...only, ...beside };
}

/** What is inside of both: fields, items, other fields, and options of a union that are the same. */
function partsOf({ place, before, after }: Pair): Pair[] {
  const parts: (readonly [string, unknown, unknown])[] = Object.entries(after.properties ?? {}).map(
    ([name, schema]) => [`${place}.${name}`, before.properties?.[name], schema],
  );
  parts.push([`${place}[]`, before.items, after.items]);
  parts.push([`${place}.*`, before.additionalProperties, after.additionalProperties]);
  for (const kind of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, option] of (after[kind] ?? []).entries())
      parts.push([place, peerOf(option, index, before[kind]), option]);
  return parts.flatMap(([where, old, now]) =>
    isSchema(old) && isSchema(now) ? [{ place: where, before: old, after: now }] : [],
  );
}

/** A named option by its name, because the order of options says nothing; another by its place. */
function peerOf(option: Schema, index: number, others: readonly Schema[] = []): Schema | undefined {
  if (option.$ref !== undefined) return others.find(({ $ref }) => $ref === option.$ref);
  return others[index]?.$ref === undefined ? others[index] : undefined;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
