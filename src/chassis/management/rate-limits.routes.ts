import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ServiceError } from '../errors/index.js';
import { validate } from '../pipeline/index.js';
import type { Policy, RateLimits } from '../rate-limit/index.js';

const logger = new Logger('RateLimits');
const MAX_LIMIT = 1_000_000_000;
const DAY_MS = 86_400_000;

/** What is left out stays; `null` is what the code or the configuration says. */
const Change = z.strictObject({
  limit: z.int().min(1).max(MAX_LIMIT).nullable().optional(),
  windowMs: z.number().min(1).max(DAY_MS).nullable().optional(),
  burst: z.int().min(1).max(MAX_LIMIT).nullable().optional(),
});

/**
 * `GET /rate-limits`; `PUT /rate-limits/:policy` with `{ "limit": 50, "burst": 100 }` changes what a policy
 * allows; `DELETE /rate-limits/:policy/:key` fills the bucket of a key.
 */
export function addRateLimitsRoutes(fastify: FastifyInstance, limits: RateLimits): void {
  fastify.get('/rate-limits', () => ({ store: limits.limiter.store, policies: limits.policies }));
  fastify.put<{ Params: { policy: string } }>('/rate-limits/:policy', ({ params, body }) => {
    const policy = findPolicy(limits, params.policy);
    const change = validate(Change, body);
    const { quota, configured } = policy;
    const pick = (name: 'limit' | 'windowMs' | 'burst'): number =>
      change[name] === null ? configured[name] : (change[name] ?? quota[name]);
    policy.change({ limit: pick('limit'), windowMs: pick('windowMs'), burst: pick('burst') });
    logger.log({ policy: policy.name, ...policy.quota }, 'rate limit changed');
    return { name: policy.name, ...policy.quota, configured };
  });
  fastify.delete<{ Params: { policy: string; key: string } }>(
    '/rate-limits/:policy/:key',
    async ({ params }, reply) => {
      const policy = findPolicy(limits, params.policy);
      await limits.reset(policy, params.key);
      logger.log({ policy: policy.name }, 'rate limit of a key reset');
      return reply.code(204).send();
    },
  );
}

function findPolicy(limits: RateLimits, name: string): Policy {
  const policy = limits.find(name);
  if (policy) return policy;
  throw new ServiceError({
    code: 'NOT_FOUND',
    reason: 'RATE_LIMIT_NOT_FOUND',
    message: 'No rate limit has this name; GET /rate-limits lists them',
  });
}
