import { ServiceError, type FieldViolation } from './service-error.js';

/** What the caller sent does not fit the schema; every fault at once. */
export function validationFailed(violations: readonly FieldViolation[]): ServiceError {
  const [first] = violations;
  const where = first?.path ? `${first.path}: ` : '';
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'VALIDATION_FAILED',
    message: first ? `${where}${first.message}${more}` : 'The input is not valid',
    violations,
  });
}

/** The time the caller gave, or the server's own maximum, is over. */
export function deadlineExceeded(): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'DEADLINE_EXCEEDED',
    message: 'The deadline passed before the call was done; the work was cancelled',
  });
}

/** The client went away before it had its answer. */
export function callCancelled(): ServiceError {
  return new ServiceError({
    code: 'CANCELLED',
    reason: 'CALL_CANCELLED',
    message: 'The client cancelled the call or closed the connection',
  });
}

/** A fault of ours. The caller learns nothing of the inside; the log has `cause` with its stack. */
export function internalError(cause: unknown): ServiceError {
  return new ServiceError({
    code: 'INTERNAL',
    reason: 'INTERNAL',
    message: 'The service failed; quote the request id when you report it',
    cause,
  });
}

/** The instance ends before it has the answer, or while a stream is open. */
export function shuttingDown(): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'SHUTTING_DOWN',
    message: 'This instance is shutting down; call again to reach another',
    retryAfterMs: 0,
  });
}
