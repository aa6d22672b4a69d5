import { ServiceError } from '../errors/index.js';

const RETRY_AFTER_MS = 1000;

/** The audit trail cannot be written, and what it would not hold must not happen. */
export function auditUnavailable(cause?: unknown): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'AUDIT_UNAVAILABLE',
    message:
      'The audit trail cannot be written, so the action is not confirmed; read what became of it, then try again',
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}
