import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { MiddlewareChange } from '../config/index.js';
import { ServiceError } from '../errors/index.js';
import type { PipelineControl } from '../middleware/index.js';
import { validate } from '../pipeline/index.js';

const logger = new Logger('Middlewares');

interface Named {
  readonly Params: { readonly name: string };
}

/**
 * `GET /middlewares`; `PUT /middlewares/:name` with `{ "enabled": false, "priority": 5, … }` changes one until
 * `DELETE /middlewares/:name` takes that back; `POST /middlewares/reload` reads the manifest of plugins again.
 */
export function addMiddlewaresRoutes(fastify: FastifyInstance, pipeline: PipelineControl): void {
  fastify.get('/middlewares', () => pipeline.describe());
  fastify.put<Named>('/middlewares/:name', ({ params: { name }, body }) => {
    pipeline.override(name, validate(MiddlewareChange, body));
    logger.warn({ middleware: name }, 'middleware changed by the operator');
    return describe(pipeline, name);
  });
  fastify.delete<Named>('/middlewares/:name', ({ params: { name } }) => {
    pipeline.clearOverride(name);
    logger.warn({ middleware: name }, 'middleware is as configured again');
    return describe(pipeline, name);
  });
  fastify.post('/middlewares/reload', async () => {
    await pipeline.reload().catch((error: Error) => {
      throw new ServiceError({
        code: 'FAILED_PRECONDITION',
        reason: 'PLUGINS_MANIFEST_REFUSED',
        message: `${error.message} Everything is as before.`,
        cause: error,
      });
    });
    return pipeline.describe();
  });
}

function describe(pipeline: PipelineControl, name: string) {
  return pipeline.describe().middlewares.find((middleware) => middleware.name === name);
}
