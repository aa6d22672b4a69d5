import { HttpException, HttpStatus } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { internalError } from './faults.js';
import { codeOfHttpStatus } from './http-status.js';
import { ServiceError } from './service-error.js';

/** What Nest throws for a guard that said no, on RPC transports; on HTTP it is a ForbiddenException. */
const FORBIDDEN_MESSAGE = 'Forbidden resource';

/** The server faults that a handler tells the caller on purpose. */
const TOLD_SERVER_FAULTS: ReadonlySet<number> = new Set([
  HttpStatus.NOT_IMPLEMENTED,
  HttpStatus.SERVICE_UNAVAILABLE,
]);

/** Whatever was thrown as the one error the transports know. What nobody meant for the caller becomes INTERNAL. */
export function toServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  if (isAbort(thrown) && thrown.cause instanceof ServiceError) return thrown.cause;
  if (thrown instanceof HttpException) return fromHttpException(thrown);
  if (thrown instanceof RpcException && thrown.message === FORBIDDEN_MESSAGE) {
    return new ServiceError({
      code: 'PERMISSION_DENIED',
      reason: 'FORBIDDEN',
      message: FORBIDDEN_MESSAGE,
    });
  }
  return internalError(thrown);
}

/** What Node's own functions throw when a signal ends them; its cause is why that was aborted. */
function isAbort(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

function fromHttpException(exception: HttpException): ServiceError {
  const status = exception.getStatus();
  if (status >= 500 && !TOLD_SERVER_FAULTS.has(status)) return internalError(exception);
  return new ServiceError({
    code: codeOfHttpStatus(status),
    reason: HttpStatus[status] ?? `HTTP_${status}`,
    message: exception.message,
    httpStatus: status,
    cause: exception,
  });
}
