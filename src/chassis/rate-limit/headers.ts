import type { Policy, Quota } from './policy.js';

const SECOND_MS = 1000;

/** The header, and the metadata key, with what the policies allow. */
export const POLICY_HEADER = 'ratelimit-policy';
/** … with what is left. */
export const LIMIT_HEADER = 'ratelimit';

/**
 * A policy as a member of `RateLimit-Policy`, such as `"orders";q=100;w=60`. The window has whole seconds
 * there: of one that has none, the quota is that of the next whole second.
 * Source: draft-ietf-httpapi-ratelimit-headers-11, "RateLimit-Policy Field".
 */
export function describePolicy(name: string, { limit, windowMs }: Quota): string {
  const seconds = Math.ceil(windowMs / SECOND_MS);
  return `"${name}";q=${Math.floor((limit * seconds * SECOND_MS) / windowMs)};w=${seconds}`;
}

/**
 * What is left of a policy as a member of `RateLimit`, such as `"orders";r=0;t=3`; `t` is the time until there
 * is more, in seconds.
 * Source: draft-ietf-httpapi-ratelimit-headers-11, "RateLimit Field".
 */
export function describeLeft(policy: Policy, tokens: number, untilMoreMs: number): string {
  return `"${policy.name}";r=${tokens};t=${Math.ceil(untilMoreMs / SECOND_MS)}`;
}
