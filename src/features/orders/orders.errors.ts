import { ServiceError, validationFailed } from '#chassis/errors';

export function orderNotFound(id: string): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'ORDER_NOT_FOUND',
    message: `There is no order ${id}`,
    metadata: { id },
  });
}

export function versionMismatch(id: string, currentVersion: number): ServiceError {
  return new ServiceError({
    code: 'ABORTED',
    reason: 'ORDER_VERSION_MISMATCH',
    httpStatus: 412,
    message: `Order ${id} has changed since; read it again and decide anew`,
    metadata: { id, currentVersion: String(currentVersion) },
  });
}

export function idempotencyKeyReused(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'IDEMPOTENCY_KEY_REUSED',
    httpStatus: 422,
    message: 'This idempotency key belongs to a different order; use a new key for a new order',
  });
}

export function changesLost(): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'ORDER_CHANGES_LOST',
    message: 'Changes may have been missed; read the orders again, then watch again',
    retryAfterMs: 1000,
  });
}

export function unknownCommand(): ServiceError {
  return validationFailed([{ path: 'command', message: 'must be create or cancel' }]);
}
