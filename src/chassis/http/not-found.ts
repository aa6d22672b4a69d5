import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import createRouter from 'find-my-way';
import { ServiceError } from '../errors/index.js';

type Router = ReturnType<typeof createRouter>;

/**
 * Answers what no route matched: 405 with `Allow` when the path exists for other methods, else 404.
 * Routes are noted as Fastify registers them; looking them up costs nothing until something is missed.
 */
export function createNotFoundHandler(fastify: FastifyInstance, notFound = routeNotFound) {
  const routers = new Map<string, Router>();
  fastify.addHook('onRoute', ({ method, url }) => {
    // CORS takes preflights for every path, also for those that do not exist.
    if (url === '*') return;
    for (const name of [method].flat()) {
      if (!routers.has(name)) routers.set(name, createRouter());
      routers.get(name)?.on('GET', url, () => {});
    }
  });
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const path = request.raw.url?.split('?', 1)[0] ?? '/';
    const allowed = [...routers].filter(([, router]) => takes(router, path)).map(([method]) => method);
    if (allowed.length === 0) throw notFound();
    void reply.header('allow', allowed.toSorted().join(', '));
    throw methodNotAllowed(request.method, allowed);
  };
}

/** The router takes an empty parameter, as of `/orders/` for `/orders/:id`; Nest does not. */
function takes(router: Router, path: string): boolean {
  const params = router.find('GET', path)?.params;
  return (
    params !== undefined && !Object.entries(params).some(([name, value]) => value === '' && name !== '*')
  );
}

function routeNotFound(): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'ROUTE_NOT_FOUND',
    message: 'No route has this path; GET /openapi.json lists them',
  });
}

function methodNotAllowed(method: string, allowed: readonly string[]): ServiceError {
  return new ServiceError({
    code: 'UNIMPLEMENTED',
    reason: 'METHOD_NOT_ALLOWED',
    httpStatus: 405,
    message: `This path does not take ${method}; it takes ${allowed.join(', ')}`,
  });
}
