import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Jobs } from '../jobs/index.js';
import { validate } from '../pipeline/index.js';

const logger = new Logger('Jobs');

const Change = z.strictObject({ isEnabled: z.boolean() });

/**
 * `GET /jobs`; `PUT /jobs` with `{ "isEnabled": false }` stops the schedules of this instance;
 * `POST /jobs/:name/run` begins a run now and answers 202.
 */
export function addJobsRoutes(fastify: FastifyInstance, jobs: Jobs): void {
  const describe = () => ({ isEnabled: jobs.isEnabled, lock: jobs.lock, jobs: jobs.describe() });
  fastify.get('/jobs', describe);
  fastify.put('/jobs', ({ body }) => {
    const { isEnabled } = validate(Change, body);
    jobs.setEnabled(isEnabled);
    logger.warn({ isEnabled }, 'schedules of jobs switched by the operator');
    return describe();
  });
  fastify.post<{ Params: { name: string } }>('/jobs/:name/run', async ({ params }, reply) => {
    await jobs.run(params.name);
    logger.log({ job: params.name }, 'job started by the operator');
    return reply.code(202).send(jobs.describe().find(({ name }) => name === params.name));
  });
}
