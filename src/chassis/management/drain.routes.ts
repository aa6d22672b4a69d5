import type { FastifyInstance } from 'fastify';
import type { Shutdown } from '../lifecycle/index.js';

/** `POST /drain` ends the service as SIGTERM does; `GET /drain` tells how far it is. */
export function addDrainRoutes(fastify: FastifyInstance, shutdown: Shutdown): void {
  const describe = () => ({ isDraining: shutdown.hasBegun, ...shutdown.pending });
  fastify.get('/drain', describe);
  fastify.post('/drain', (_request, reply) => {
    void shutdown.begin('POST /drain');
    return reply.code(202).send(describe());
  });
}
