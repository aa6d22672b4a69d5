import fc, { type Arbitrary } from 'fast-check';

type Json = unknown;

const NUMBERS_AND_EMPTIES = [
  null,
  true,
  '',
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  2 ** 31,
  -(2 ** 63),
  [],
  {},
];
const TEXTS = [
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  '𝒳'.repeat(65),
  'İ',
  '%00',
  '${7*7}',
  "' or 1=1 --",
];

/** Values that trip up parsers, validators, serialisers and databases. */
const nasty: Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(...NUMBERS_AND_EMPTIES, ...TEXTS),
  fc.jsonValue(),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constant('x'.repeat(100_000)),
);

const POISON = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'toJSON', ''];

type Change = (value: Json) => Json;

const change: Arbitrary<Change> = fc.oneof(
  nasty.map(
    (value): Change =>
      () =>
        value,
  ),
  fc.constant<Change>((value) => [value]),
  fc.constant<Change>((value) => (typeof value === 'object' ? 'object' : JSON.stringify(value))),
  fc.tuple(fc.oneof(fc.constantFrom(...POISON), fc.string()), nasty).map(
    ([key, value]): Change =>
      (target) =>
        // Not `{ [key]: value }`, which would set the prototype instead of a property.
        Object.defineProperty(isObject(target) ? { ...target } : {}, key, { value, enumerable: true }),
  ),
  fc.nat(10).map((index): Change => (target) => {
    if (!isObject(target)) return undefined;
    const keys = Object.keys(target);
    const { [keys[index % (keys.length || 1)] ?? '']: _, ...rest } = target;
    return rest;
  }),
  fc.integer({ min: 100, max: 1000 }).map(
    (depth): Change =>
      (value) =>
        nest(value, depth),
  ),
);

/** The value with one to three faults, anywhere in it. */
export function mutateJson(valid: Arbitrary<Json>): Arbitrary<Json> {
  const faults = fc.array(fc.tuple(fc.array(fc.nat(20), { maxLength: 5 }), change), {
    minLength: 1,
    maxLength: 3,
  });
  return fc
    .tuple(valid, faults)
    .map(([value, all]) => all.reduce<Json>((before, [path, fault]) => at(before, path, fault), value));
}

/** Applies the change where the numbers lead: each picks a child, or stops. */
function at(value: Json, [step = 0, ...path]: readonly number[], fault: Change): Json {
  if (typeof value !== 'object' || value === null || step % 3 === 0) return fault(value);
  const keys = Object.keys(value);
  const key = keys[step % (keys.length || 1)];
  if (key === undefined) return fault(value);
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? at(item, path, fault) : item));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === key ? at(item, path, fault) : item]),
  );
}

function nest(value: Json, depth: number): Json {
  let nested = value;
  for (let level = 0; level < depth; level++) nested = level % 2 ? [nested] : { a: nested };
  return nested;
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
