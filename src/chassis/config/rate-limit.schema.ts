import { z } from 'zod';
import { callPatterns, checkMethods, policyName } from './call-patterns.js';
import { entries } from './entries.js';
import { integer, live, ratio } from './fields.js';

const MAX_LIMIT = 1_000_000_000;

const RateLimitPolicy = z.strictObject({
  name: policyName(),
  ...callPatterns,
  limit: integer(1, MAX_LIMIT),
  windowMs: integer(1, 86_400_000).default(1000),
  burst: integer(1, MAX_LIMIT).optional(),
  by: z
    .enum(['all', 'route', 'rpc', 'principal', 'api-key', 'ip', 'tenant'], {
      error: 'must be all, route, rpc, principal, api-key, ip or tenant',
    })
    .default('route'),
  cost: integer(1, MAX_LIMIT).default(1),
  per: z.enum(['call', 'message'], { error: 'must be call or message' }).default('call'),
  excess: z.enum(['refuse', 'wait'], { error: 'must be refuse or wait' }).default('refuse'),
});

const Policies = entries('policies', RateLimitPolicy, (policy, refuse, former) => {
  if (former.some(({ name }) => name === policy.name))
    refuse('name', 'must be a name that no other policy has');
  if (policy.limit > 0 && policy.cost > (policy.burst ?? policy.limit))
    refuse('cost', 'must not be larger than burst, which is the limit unless it is set');
  checkMethods(policy, refuse);
  if (policy.excess === 'wait' && policy.per === 'call')
    refuse('excess', 'may be wait only where per is message');
});

/** A policy of RATE_LIMIT_POLICIES, validated. */
export type ConfiguredRateLimit = z.output<typeof RateLimitPolicy>;

/** How often who may call; docs/rate-limits.md has examples. */
export const rateLimitConfigShape = {
  RATE_LIMIT_POLICIES: live(
    Policies.describe(
      'Rate limits beside those of @RateLimit: a list in YAML or JSON, see docs/rate-limits.md.',
    ),
  ),
  RATE_LIMIT_HEADERS: live(
    z
      .enum(['refused', 'always'])
      .default('refused')
      .describe('Which answers have RateLimit and RateLimit-Policy.'),
  ),
  RATE_LIMIT_MAX_BUCKETS: integer(100, 100_000_000)
    .default(100_000)
    .describe('Most keys of a policy that an instance remembers.'),
  RATE_LIMIT_LEASE_RATIO: ratio()
    .default(0.01)
    .describe('Share of a limit that an instance takes from a shared store at once; 0 = one call at a time.'),
  RATE_LIMIT_FALLBACK_INSTANCES: integer(1, 100_000)
    .default(1)
    .describe('While the shared store is away, an instance grants its limits divided by this number.'),
};
