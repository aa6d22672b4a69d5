/** The item routes as a Fastify plugin. */
import type { FastifyInstance } from 'fastify';
import { itemSchema, newItemSchema } from '../../shared/items.json-schema.js';
import { ItemStore, type NewItem } from '../../shared/items.js';

export async function itemRoutes(app: FastifyInstance): Promise<void> {
  const items = new ItemStore();

  app.get<{ Params: { id: string } }>(
    '/v1/items/:id',
    { schema: { response: { 200: itemSchema } } },
    async ({ params }, reply) => items.find(params.id) ?? reply.code(404).send({ message: 'no such item' }),
  );

  app.post<{ Body: NewItem }>(
    '/v1/items',
    { schema: { body: newItemSchema, response: { 201: itemSchema } } },
    async ({ body }, reply) => reply.code(201).send(items.insert(body)),
  );
}
