import type { FastifyInstance } from 'fastify';
import type { LoadShedding } from '../load-shedding/index.js';

/** `GET /load-shedding`: the signals, the limit, the calls under way and what was refused. */
export function addLoadSheddingRoutes(fastify: FastifyInstance, shedding: LoadShedding): void {
  fastify.get('/load-shedding', () => shedding.describe());
}
