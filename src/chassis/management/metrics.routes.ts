import type { FastifyInstance } from 'fastify';
import type { MetricsRegistry } from '../metrics/index.js';

/** `GET /metrics`: Prometheus text, or OpenMetrics with exemplars when `Accept` asks for it. */
export function addMetricsRoutes(fastify: FastifyInstance, metrics: MetricsRegistry): void {
  fastify.get('/metrics', async ({ headers }, reply) => {
    const { contentType, body } = await metrics.expose(headers.accept);
    return reply.header('content-type', contentType).header('vary', 'accept').send(body);
  });
}
