/**
 * Fastify's production recipe from the documentation of its parts: OpenTelemetry, pino, prom-client,
 * @fastify/jwt, @fastify/rate-limit. Start with `--import` of `otel-fastify.js`.
 */
import jwt from '@fastify/jwt';
import rateLimit from '@fastify/rate-limit';
import { trace } from '@opentelemetry/api';
import { fastify } from 'fastify';
import { collectDefaultMetrics, Histogram, register } from 'prom-client';
import { itemRoutes } from './fastify-items.js';
import { host, jwtPublicKey, port } from './settings.js';

collectDefaultMetrics();
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of REST calls',
  labelNames: ['method', 'route', 'status'],
});

const app = fastify({
  logger: {
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  },
});
app.addHook('onResponse', async (request, reply) => {
  const route = request.routeOptions.url ?? '(unknown)';
  duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
});
app.get('/metrics', async (_request, reply) =>
  reply.type(register.contentType).send(await register.metrics()),
);
await app.register(async (secured) => {
  await secured.register(jwt, {
    secret: { public: jwtPublicKey },
    verify: { algorithms: ['ES256'] },
  });
  secured.addHook('onRequest', (request) => request.jwtVerify());
  await secured.register(rateLimit, {
    hook: 'preHandler',
    max: 1_000_000,
    timeWindow: '1 minute',
    keyGenerator: ({ user }) => (user as { sub: string }).sub,
  });
  await secured.register(itemRoutes);
});
await app.listen({ host, port });
