import type { Change } from './change.ts';
import {
  keyOf,
  operationsOf,
  resolve,
  withoutNull,
  type LocatedOperation,
  type OpenApi,
  type Schema,
} from './open-api.ts';

/** The schemas of one value, released and now, and what a person would call it. */
interface Pair {
  readonly place: string;
  readonly before: Schema;
  readonly after: Schema;
}

/** Whether a limit refuses what it, or its absence, let pass. */
const IS_TIGHTER = {
  maxItems: (before, after) => isLower(before.maxItems, after.maxItems),
  maxProperties: (before, after) => isLower(before.maxProperties, after.maxProperties),
  minProperties: (before, after) => (after.minProperties ?? 0) > (before.minProperties ?? 0),
  uniqueItems: (before, after) => after.uniqueItems === true && before.uniqueItems !== true,
  multipleOf: (before, after) => isCoarser(before.multipleOf, after.multipleOf),
  additionalProperties: (before, after) =>
    after.additionalProperties === false && before.additionalProperties !== false,
} satisfies { readonly [Limit in keyof Schema]: (before: Schema, after: Schema) => boolean };

/** Limits of requests that became tighter and for which oasdiff has no rule. */
export function tightenedLimits(base: OpenApi, revision: OpenApi): Change[] {
  const operations = new Map(operationsOf(revision).map((operation) => [keyOf(operation), operation]));
  return operationsOf(base).flatMap((before) => {
    const after = operations.get(keyOf(before));
    if (!after) return [];
    const seen = new Set<string>();
    const found = valuesOf(before, after).flatMap((pair) => tightenedIn(pair, [base, revision], seen));
    const operation = `${after.method.toUpperCase()} ${after.path}`;
    return found.map((text) => ({ text: `${operation}: ${text}`, isBreaking: true }));
  });
}

/** The parameters and bodies that both have. */
function valuesOf(before: LocatedOperation, now: LocatedOperation): Pair[] {
  const parameters = (now.parameters ?? []).flatMap(({ name, in: where, schema = {} }) => {
    const old = before.parameters?.find((other) => other.name === name && other.in === where);
    if (!old) return [];
    // That a parameter's own maxItems is lower is what oasdiff does tell; not that there is one.
    const { maxItems: _told, ...others } = schema;
    const after = old.schema?.maxItems === undefined ? schema : others;
    return [{ place: `${where} parameter ${name}`, before: old.schema ?? {}, after }];
  });
  const bodies = Object.entries(now.requestBody?.content ?? {}).flatMap(([type, { schema = {} }]) => {
    const old = before.requestBody?.content?.[type];
    return old ? [{ place: 'request', before: old.schema ?? {}, after: schema }] : [];
  });
  return [...parameters, ...bodies];
}

/** @param seen references that were followed, because schemas may contain themselves */
function tightenedIn(pair: Pair, documents: readonly [OpenApi, OpenApi], seen: Set<string>): string[] {
  const references = `${pair.before.$ref} ${pair.after.$ref}`;
  if (pair.before.$ref !== undefined && pair.after.$ref !== undefined) {
    if (seen.has(references)) return [];
    seen.add(references);
  }
  const before = flatten(documents[0], pair.before);
  const after = flatten(documents[1], pair.after);
  const own = (Object.keys(IS_TIGHTER) as (keyof typeof IS_TIGHTER)[])
    .filter((limit) => IS_TIGHTER[limit](before, after))
    .map((limit) => {
      const old = JSON.stringify(before[limit]) ?? 'unset';
      return `${pair.place}: ${limit} ${old} became ${JSON.stringify(after[limit])}`;
    });
  const parts = partsOf({ place: pair.place, before, after });
  return [...own, ...parts.flatMap((part) => tightenedIn(part, documents, seen))];
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

function isLower(before: number | undefined, after: number | undefined): boolean {
  return after !== undefined && after < (before ?? Infinity);
}

function isCoarser(before: number | undefined, after: number | undefined): boolean {
  if (after === undefined) return false;
  if (before === undefined) return true;
  const times = before / after;
  // Binary fractions make 2.9999999999999996 of 0.3 / 0.1.
  return Math.abs(times - Math.round(times)) > 1e-9;
}
