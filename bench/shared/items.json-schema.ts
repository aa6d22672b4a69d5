/** An item as JSON Schema: what Fastify validates and serialises by. */
const properties = {
  name: { type: 'string', minLength: 1, maxLength: 100 },
  priceAmount: { type: 'integer', minimum: 0, maximum: 100_000_000 },
  tags: { type: 'array', maxItems: 10, items: { type: 'string', minLength: 1, maxLength: 32 } },
} as const;
const required = ['name', 'priceAmount', 'tags'] as const;

export const newItemSchema = { type: 'object', additionalProperties: false, required, properties } as const;

export const itemSchema = {
  type: 'object',
  required: ['id', ...required, 'createdAt'],
  properties: { id: { type: 'string' }, ...properties, createdAt: { type: 'string' } },
} as const;
