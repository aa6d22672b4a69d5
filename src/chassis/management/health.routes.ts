import type { HealthCheckResult } from '@nestjs/terminus';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { HealthService, Readiness } from '../health/index.js';

/**
 * `GET /livez`, `/readyz` and `/startupz` for probes; `POST /readyz/disable` and `/readyz/enable` for the
 * operator, with the paths that podinfo made known.
 */
export function addHealthRoutes(fastify: FastifyInstance, health: HealthService, readiness: Readiness): void {
  fastify.get('/livez', (_request, reply) => probe(reply, health.live()));
  fastify.get('/readyz', async (_request, reply) => probe(reply, await health.ready()));
  fastify.get('/startupz', (_request, reply) => probe(reply, health.started()));
  const change = (isEnabled: boolean) => () => {
    health.setEnabled(isEnabled);
    return { isReady: readiness.isReady, reasons: readiness.reasons };
  };
  fastify.post('/readyz/disable', change(false));
  fastify.post('/readyz/enable', change(true));
}

function probe(reply: FastifyReply, result: HealthCheckResult): FastifyReply {
  const isHealthy = result.status === 'ok' || result.status === 'degraded';
  return reply
    .code(isHealthy ? 200 : 503)
    .header('cache-control', 'no-store')
    .send(result);
}
