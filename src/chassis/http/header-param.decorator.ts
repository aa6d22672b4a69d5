import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { validate } from '../pipeline/index.js';
import { whenDocumented } from './documentation.js';
import { toJsonSchema } from './json-schema.js';

/**
 * One request header, validated by its schema and documented. A header that is not there is
 * `undefined` for the schema. A fault answers 400 with the header's name as the path.
 *
 * @example
 * ```ts
 * create(@HeaderParam('idempotency-key', IdempotencyKey.optional()) key: string | undefined)
 * ```
 */
export function HeaderParam(name: string, schema: z.ZodType): ParameterDecorator {
  const read = createParamDecorator((_data: unknown, context: ExecutionContext) => {
    return validate(schema, context.switchToHttp().getRequest<FastifyRequest>().headers[name], name);
  });
  return (target, key, index) => {
    read()(target, key, index);
    const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(target, key);
    if (key === undefined || !descriptor) return;
    whenDocumented(({ ApiHeader }) => ApiHeader(describe(name, schema))(target, key, descriptor));
  };
}

function describe(name: string, schema: z.ZodType) {
  const required = !schema.safeParse(undefined).success;
  const { $schema: _, ...jsonSchema } = toJsonSchema(schema, 'input', 'draft-2020-12');
  const description = typeof jsonSchema['description'] === 'string' ? jsonSchema['description'] : name;
  return { name, required, description, schema: jsonSchema };
}
