import { ServiceError } from '../errors/index.js';
import { describeLeft, LIMIT_HEADER, POLICY_HEADER } from './headers.js';
import type { Policy } from './policy.js';
import type { Rule } from './rule.js';

/** Why a call is not allowed. */
export class Refusal {
  constructor(
    readonly policy: Policy,
    /** Milliseconds until it would be; `Infinity` when never, because it costs more than a full bucket has. */
    readonly waitMs: number,
  ) {}

  /** What the caller is told. @param rules every limit that the call is under */
  toError(rules: readonly Rule[]): ServiceError {
    const { policy, waitMs } = this;
    const { limit, windowMs } = policy.quota;
    const isPossible = waitMs < Infinity;
    const retryAfterMs = Math.ceil(waitMs);
    return new ServiceError({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'RATE_LIMITED',
      message: isPossible
        ? `Too many calls: "${policy.name}" allows ${limit} in ${windowMs} ms. Try again in ${retryAfterMs} ms`
        : `The call costs more than "${policy.name}" ever allows at once. Ask for less`,
      metadata: { policy: policy.name, limit: String(limit), windowMs: String(windowMs) },
      headers: {
        [POLICY_HEADER]: rules.map((rule) => rule.policy.header).join(', '),
        [LIMIT_HEADER]: describeLeft(policy, 0, isPossible ? waitMs : windowMs),
      },
      ...(isPossible && { retryAfterMs }),
    });
  }
}
