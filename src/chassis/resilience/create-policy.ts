import { ManagedPolicy } from './managed-policy.js';
import type { Policy } from './policy.js';
import type { PolicyOptions } from './policy-options.js';

/**
 * A policy on its own, without a container: nothing counts it, and no configuration changes it.
 * @throws {TypeError} when an option is not valid
 */
export function createPolicy(name: string, options: PolicyOptions): Policy {
  return new ManagedPolicy(name, options).policy;
}
