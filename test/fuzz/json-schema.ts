import fc, { type Arbitrary } from 'fast-check';

/** As much of JSON Schema as the service's OpenAPI document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Long arrays cost time and find nothing that short ones do not. */
const MAX_ITEMS = 5;

export interface Context {
  readonly components: Readonly<Record<string, Schema>>;
  /** UUIDs of things that exist: without them every read would answer 404. */
  readonly knownIds: readonly string[];
}

/** Values that the schema allows. */
export function valid(schema: Schema, context: Context): Arbitrary<unknown> {
  const { components, knownIds } = context;
  const of = (inner: Schema) => valid(inner, context);
  if (schema.$ref) return of(components[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(of));
  switch (schema.type) {
    case 'string':
      return schema.format === 'uuid' && knownIds.length > 0
        ? fc.oneof(text(schema), fc.constantFrom(...knownIds))
        : text(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 1000, 2 ** 31 - 1) });
    case 'number':
      return fc.double();
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? MAX_ITEMS, MAX_ITEMS),
      });
    case 'object':
      return record(schema, of);
    default:
      return fc.jsonValue();
  }
}

function text({ pattern, format, maxLength }: Schema): Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (pattern) return fc.stringMatching(new RegExp(pattern));
  return fc.string(maxLength === undefined ? {} : { maxLength });
}

function record({ properties = {}, required = [] }: Schema, of: (schema: Schema) => Arbitrary<unknown>) {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)]));
  return fc.record(fields, { requiredKeys: [...required] });
}
