import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { isAsyncIterable } from '../streams/index.js';
import { validate } from './validate.js';

/**
 * Validates what has a schema (`@Body({ schema })`, `@Query({ schema })`, `@Rpc(method, schema)`) and
 * hands on what the schema (Zod) makes of it. A request stream is validated message by message.
 */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { schema }: ArgumentMetadata): unknown {
    if (!(schema instanceof z.ZodType)) return value;
    return isAsyncIterable(value) ? validateEach(schema, value) : validate(schema, value);
  }
}

async function* validateEach(schema: z.ZodType, messages: AsyncIterable<unknown>): AsyncGenerator {
  let index = 0;
  for await (const message of messages) yield validate(schema, message, String(index++));
}
