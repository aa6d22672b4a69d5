import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { LOG_LEVELS, type LogLevels } from '../logging/index.js';
import { validate } from '../pipeline/index.js';

const logger = new Logger('Loggers');

/** `null` takes the level away again. */
const Change = z.strictObject({ level: z.enum(LOG_LEVELS).nullable() });

/**
 * `GET /loggers`; `PUT /loggers` for the level of all, `PUT /loggers/:context` for that of one context,
 * both with `{ "level": "debug" }`, or `null` for what the configuration, or the level of all, says.
 */
export function addLoggersRoutes(fastify: FastifyInstance, levels: LogLevels): void {
  const describeAll = () => ({
    levels: LOG_LEVELS,
    root: levels.describeRoot(),
    contexts: Object.fromEntries(levels.contexts.map((context) => [context, levels.describe(context)])),
  });
  fastify.get('/loggers', describeAll);
  fastify.put('/loggers', ({ body }) => {
    const { level } = validate(Change, body);
    levels.setRoot(level);
    logger.log({ to: level }, 'log level changed');
    return levels.describeRoot();
  });
  fastify.put<{ Params: { context: string } }>('/loggers/:context', ({ params, body }) => {
    const { level } = validate(Change, body);
    levels.setContext(params.context, level);
    logger.log({ of: params.context, to: level }, 'log level changed');
    return levels.describe(params.context);
  });
}
