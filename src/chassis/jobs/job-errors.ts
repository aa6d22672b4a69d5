import { ServiceError } from '../errors/index.js';

export function jobNotFound(): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'JOB_NOT_FOUND',
    message: 'No job has this name; GET /jobs lists them',
  });
}

export function jobIsRunning(): ServiceError {
  return new ServiceError({
    code: 'FAILED_PRECONDITION',
    reason: 'JOB_RUNNING',
    httpStatus: 409,
    message: 'The job runs already, here or in another instance; wait for its end',
  });
}

export function jobLockUnavailable(): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'JOB_LOCK_UNAVAILABLE',
    message: 'The store that keeps instances from running a job twice does not answer; the log says why',
  });
}
