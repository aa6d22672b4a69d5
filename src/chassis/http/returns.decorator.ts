import { applyDecorators, HttpCode } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import { whenDocumented } from './documentation.js';
import { toJsonSchema } from './json-schema.js';

/**
 * The answer of a route when all goes well: sets the status, compiles the serialiser (fields the
 * schema does not name never leave the service) and documents it.
 *
 * @example
 * ```ts
 * @Returns(201, Order, 'The new order')
 * ```
 */
export function Returns(status: number, schema: z.ZodType, description: string): MethodDecorator {
  return applyDecorators(
    HttpCode(status),
    RouteSchema({ response: { [status]: toJsonSchema(schema, 'output', 'draft-07') } }),
    (target, key, descriptor) => {
      whenDocumented(({ ApiResponse }) =>
        ApiResponse({ status, description, standardSchema: schema })(target, key, descriptor),
      );
    },
  );
}
