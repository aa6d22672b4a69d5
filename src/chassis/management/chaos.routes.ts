import type { FastifyInstance } from 'fastify';
import { readNewFault, type ActiveFault, type Chaos } from '../chaos/index.js';

/**
 * `GET /chaos`; `POST /chaos` begins a fault such as `{ "kind": "latency", "delayMs": 300, "routes": ["*"],
 * "durationMs": 60000 }` and answers 201; `DELETE /chaos/:id` ends one, `DELETE /chaos` all.
 */
export function addChaosRoutes(fastify: FastifyInstance, chaos: Chaos): void {
  fastify.get('/chaos', () => ({
    isAllowed: chaos.isAllowed,
    maxDurationMs: chaos.maxDurationMs,
    faults: chaos.faults.map(describe),
  }));
  fastify.post('/chaos', ({ body }, reply) => {
    chaos.assertAllowed();
    const active = chaos.start(readNewFault(body, chaos.maxDurationMs));
    return reply.code(201).send(describe(active));
  });
  fastify.delete<{ Params: { id: string } }>('/chaos/:id', ({ params }, reply) => {
    chaos.stop(params.id);
    return reply.code(204).send();
  });
  fastify.delete('/chaos', (_request, reply) => {
    chaos.stopAll();
    return reply.code(204).send();
  });
}

/** With its end as a time; how long it was to last says little later on. */
function describe({ fault, source, startedAt, until }: ActiveFault) {
  const { durationMs: _, ...fields } = fault;
  return { ...fields, source, startedAt: new Date(startedAt).toISOString(), until };
}
