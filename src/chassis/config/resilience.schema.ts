import { z } from 'zod';
import { GRPC_CODES, type Code } from '../errors/primary.js';
import { callPatterns, checkMethods, policyName } from './call-patterns.js';
import { entries } from './entries.js';
import { durationMs, integer, live } from './fields.js';

const MAX_CALLS = 1_000_000;

/** A number, also from text, with fractions. */
const number = (min: number, max: number) => z.coerce.number().min(min).max(max);
const codes = () =>
  z
    .array(z.enum(Object.keys(GRPC_CODES) as [Code, ...Code[]], { error: 'must be a canonical code' }))
    .min(1, 'must have one code at least; leave it out for the usual ones');

const breaker = z.strictObject({
  strategy: z.enum(['error-ratio', 'error-count', 'slow-call-ratio', 'adaptive']).optional(),
  threshold: number(0.000_001, MAX_CALLS).optional(),
  maxAllowedRtMs: durationMs().optional(),
  retryTimeoutMs: durationMs().optional(),
  minRequestAmount: integer(1, MAX_CALLS).optional(),
  statIntervalMs: durationMs().optional(),
  statBuckets: integer(1, 1000).optional(),
  probeNum: integer(1, 1000).optional(),
  probeTimeoutMs: durationMs().optional(),
  k: number(1, 100).optional(),
  protection: integer(0, MAX_CALLS).optional(),
  forcePassMs: durationMs().optional(),
});

/** The rules of a policy as anybody may give them: what is left out has its default, or what the code says. */
const policyRules = z.strictObject({
  timeoutMs: durationMs().nullish(),
  totalTimeoutMs: durationMs().nullish(),
  retry: z
    .strictObject({
      maxAttempts: integer(1, 100).optional(),
      baseMs: durationMs().optional(),
      maxMs: durationMs().optional(),
      codes: codes().optional(),
    })
    .nullish(),
  hedge: z
    .strictObject({ delayMs: durationMs().optional(), maxAttempts: integer(2, 10).optional() })
    .nullish(),
  budget: z
    .strictObject({ ratio: number(0, 1).optional(), burst: integer(0, MAX_CALLS).optional() })
    .nullish(),
  breaker: breaker.nullish(),
  bulkhead: z
    .strictObject({
      maxConcurrent: integer(1, MAX_CALLS).optional(),
      maxQueued: integer(0, MAX_CALLS).optional(),
      maxWaitMs: durationMs().optional(),
    })
    .nullish(),
  isIdempotent: z.boolean().optional(),
});

const staticStep = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and "-"'),
  codes: codes().optional(),
  value: z.unknown().refine((value) => value !== undefined, 'must be there: what the step answers'),
});

const Policy = z.strictObject({
  name: policyName(),
  ...callPatterns,
  ...policyRules.shape,
  fallback: z.array(staticStep).min(1, 'must have one step at least').nullish(),
});

const Policies = entries('policies', Policy, (policy, refuse, former) => {
  if (former.some(({ name }) => name === policy.name))
    refuse('name', 'must be a name that no other policy has');
  checkMethods(policy, refuse);
  if (policy.methods && !policy.routes && !policy.rpcs) refuse('methods', 'needs routes');
});

/** One policy of RESILIENCE_POLICIES, validated; `null` takes away what the code says. */
export type ConfiguredPolicy = z.output<typeof Policy>;

/** What is wrong with rules, by field; `undefined` when nothing is. */
export function faultOfRules(rules: object): string | undefined {
  const { error } = policyRules.safeParse(rules);
  return error?.issues.map(({ path, message }) => `${path.join('.') || 'rules'}: ${message}`).join('; ');
}

/** What calls of others, and of ours, may cost; docs/resilience.md has examples. */
export const resilienceConfigShape = {
  RESILIENCE_POLICIES: live(
    Policies.describe(
      'Policies of routes, rpcs and by name: a list in YAML or JSON, see docs/resilience.md.',
    ),
  ),
};
