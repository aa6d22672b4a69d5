import { ServiceError } from '../errors/index.js';

/** It did not arrive in time. */
export function requestTooSlow(): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'REQUEST_TOO_SLOW',
    httpStatus: 408,
    message: 'The request took too long to arrive',
  });
}
