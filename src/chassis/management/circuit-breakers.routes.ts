import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ServiceError } from '../errors/index.js';
import { validate } from '../pipeline/index.js';
import type { ManagedPolicy, PolicyRegistry } from '../resilience/index.js';

const logger = new Logger('CircuitBreakers');

/** What is left out stays; `null` lets go, and is the rule that code and configuration give. */
const Change = z
  .strictObject({
    forced: z.enum(['open', 'closed'], { error: 'must be open, closed or null' }).nullable().optional(),
    rule: z.record(z.string(), z.unknown()).nullable().optional(),
  })
  .refine(({ forced, rule }) => forced !== undefined || rule !== undefined, 'must have forced or rule');

interface Named {
  readonly Params: { readonly name: string };
}

/**
 * `GET /circuit-breakers`; `PUT /circuit-breakers/:name` with `{ "forced": "open" }` holds a breaker, with
 * `{ "rule": { "threshold": 0.3 } }` changes its rule; `POST /circuit-breakers/:name/reset` closes it with
 * nothing counted.
 */
export function addCircuitBreakersRoutes(fastify: FastifyInstance, policies: PolicyRegistry): void {
  fastify.get('/circuit-breakers', () => ({
    breakers: [...policies.policies].filter(({ breaker }) => breaker).map(describe),
  }));
  fastify.put<Named>('/circuit-breakers/:name', ({ params, body }) => {
    const managed = findBreaker(policies, params.name);
    const { forced, rule } = validate(Change, body);
    if (rule !== undefined) changeRule(managed, rule);
    if (forced !== undefined) managed.force(forced ?? undefined);
    logger.warn({ policy: managed.name, forced, rule }, 'circuit breaker changed by the operator');
    return describe(managed);
  });
  fastify.post<Named>('/circuit-breakers/:name/reset', ({ params }) => {
    const managed = findBreaker(policies, params.name);
    managed.resetBreaker();
    logger.warn({ policy: managed.name }, 'circuit breaker reset by the operator');
    return describe(managed);
  });
}

function describe({ name, breaker }: ManagedPolicy) {
  return { name, ...breaker?.describe(performance.now()) };
}

/** @throws {ServiceError} INVALID_RULE saying which field must be what */
function changeRule(managed: ManagedPolicy, rule: object | null): void {
  try {
    managed.overrideRule(rule ?? undefined);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ServiceError({
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_RULE',
      message: error.message,
      cause: error,
    });
  }
}

function findBreaker(policies: PolicyRegistry, name: string): ManagedPolicy {
  const managed = policies.find(name);
  if (managed?.breaker) return managed;
  throw new ServiceError({
    code: 'NOT_FOUND',
    reason: 'CIRCUIT_BREAKER_NOT_FOUND',
    message: 'No circuit breaker has this name; GET /circuit-breakers lists them',
  });
}
