import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Tracing } from '../tracing/index.js';
import { validate } from '../pipeline/index.js';

const logger = new Logger('Tracing');

const Change = z.strictObject({ ratio: z.number().min(0).max(1) });

/** `GET /tracing`; `PUT /tracing` with `{ "ratio": 0.1 }` changes the share of traces that are recorded. */
export function addTracingRoutes(fastify: FastifyInstance, tracing: Tracing): void {
  const describe = () => ({
    isRecording: tracing.isRecording,
    ratio: tracing.sampler.ratio,
    isParentBased: tracing.sampler.isParentBased,
    spans: tracing.counts,
  });
  fastify.get('/tracing', describe);
  fastify.put('/tracing', ({ body }) => {
    const { ratio } = validate(Change, body);
    tracing.sampler.ratio = ratio;
    logger.log({ ratio }, 'sampling ratio changed');
    return describe();
  });
}
