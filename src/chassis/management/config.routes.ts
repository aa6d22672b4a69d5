import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';
import type { LiveConfig, ReloadOutcome } from '../live-config/index.js';
import { validate } from '../pipeline/index.js';

const Target = z.object({
  revision: z.string().regex(/^[1-9]\d{0,14}$/, 'must be the number of a revision'),
});

/**
 * `GET /config` and `GET /config/revisions`; `POST /config/reload` reads every source now;
 * `POST /config/revisions/:revision/rollback` gives live keys the values of that revision until a source changes.
 */
export function addConfigRoutes(fastify: FastifyInstance, config: Config, live: LiveConfig): void {
  fastify.get('/config', () => ({
    revision: config.revision,
    ...live.describe(),
    entries: config
      .describe()
      .map(({ key, value, source }) => ({ key, value, source, isLive: live.isLive(key) })),
  }));
  fastify.get('/config/revisions', () => ({ revision: config.revision, revisions: live.revisions }));
  fastify.post('/config/reload', async () => answer(await live.reload('POST /config/reload')));
  fastify.post('/config/revisions/:revision/rollback', async ({ params }) => {
    const { revision } = validate(Target, params);
    return answer(await live.rollback(Number(revision)));
  });
}

/** @throws {ServiceError} when the configuration is not what the sources say, or not what was asked for */
function answer(outcome: ReloadOutcome): Omit<ReloadOutcome, 'reason'> {
  const { reason = '', ...taken } = outcome;
  if (outcome.result === 'refused')
    throw new ServiceError({ code: 'FAILED_PRECONDITION', reason: 'CONFIG_REFUSED', message: reason });
  if (outcome.result === 'failed')
    throw new ServiceError({ code: 'UNAVAILABLE', reason: 'CONFIG_SOURCE_UNAVAILABLE', message: reason });
  return taken;
}
