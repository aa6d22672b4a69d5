import { CodedError, ServiceError, toServiceError, type Code } from '../errors/index.js';

/**
 * Codes that say something about the health of who answered; the others are faults of who asked, and so a
 * sign of health.
 */
export const FAILURE_CODES: ReadonlySet<Code> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
] as const);

/** Codes after which the same call may succeed at once or somewhere else. */
export const RETRYABLE_CODES: ReadonlySet<Code> = new Set(['UNAVAILABLE'] as const);

/** The canonical code of whatever was thrown, by either transport or none. */
export function codeOf(thrown: unknown): Code {
  return thrown instanceof CodedError ? thrown.code : toServiceError(thrown).code;
}

/** A call that was not made, because a policy said no. Never tried again by the policy that refused it. */
export class PolicyRefusal extends ServiceError {}

/** The breaker of this name takes no call now. */
export function circuitOpen(name: string, retryAfterMs: number): PolicyRefusal {
  return new PolicyRefusal({
    code: 'UNAVAILABLE',
    reason: 'CIRCUIT_OPEN',
    message: `Calls of "${name}" fail at the moment and are not made; try again later`,
    metadata: { policy: name },
    retryAfterMs: Math.ceil(retryAfterMs),
  });
}

/** As many calls of this name run and wait as may. */
export function bulkheadFull(name: string): PolicyRefusal {
  return new PolicyRefusal({
    code: 'UNAVAILABLE',
    reason: 'BULKHEAD_FULL',
    message: `Too many calls of "${name}" run at the same time; try again later`,
    metadata: { policy: name },
    retryAfterMs: 0,
  });
}

/** The call of this name did not end within its limit. */
export function timedOut(name: string, limitMs: number): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'TIMEOUT',
    message: `"${name}" did not answer within ${Math.round(limitMs)} ms`,
    metadata: { policy: name },
  });
}
