import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;
type Direction = 'input' | 'output';

/**
 * A Zod schema as JSON Schema. Dates, which JSON does not know, are `date-time` strings: the compiled
 * serialiser turns them into ISO 8601.
 */
export function toJsonSchema(
  schema: z.ZodType,
  io: Direction,
  target: 'draft-07' | 'draft-2020-12',
): JsonSchema {
  return z.toJSONSchema(schema, {
    io,
    target,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'date')
        Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
    },
  });
}

/** For OpenAPI: schemas with `.meta({ id })` become components, everything else stays in place. */
export function toOpenApi(
  schema: unknown,
  io: Direction,
): { schema: JsonSchema; components: Record<string, JsonSchema> } {
  const {
    $schema: _,
    $defs,
    ...rest
  } = withComponentRefs(toJsonSchema(schema as z.ZodType, io, 'draft-2020-12'));
  const components = ($defs ?? {}) as Record<string, JsonSchema>;
  const { id, ...body } = rest;
  if (typeof id !== 'string') return { schema: body, components: withoutIds(components) };
  return {
    schema: { $ref: `#/components/schemas/${id}` },
    components: withoutIds({ ...components, [id]: body }),
  };
}

/** Zod refers to a schema that has an id as `#/$defs/<id>`; OpenAPI keeps it elsewhere. */
function withComponentRefs(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/');
  return JSON.parse(text) as JsonSchema;
}

function withoutIds(schemas: Record<string, JsonSchema>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, { id: _, ...schema }]) => [name, schema]));
}
