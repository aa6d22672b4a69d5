import { ServiceError, type Code } from '../errors/index.js';

/** What an aborted or a cut call fails with. */
export function faultInjected(id: string, code: Code): ServiceError {
  return new ServiceError({
    code,
    reason: 'FAULT_INJECTED',
    message: `The fault "${id}" was injected on purpose; GET /chaos on the management port lists what is active`,
    metadata: { fault: id },
  });
}

/** As the operating system says it of a peer that does not listen. */
export function connectionRefused(id: string): Error {
  return systemError(id, 'connect', 'ECONNREFUSED');
}

/** As it says it of a connection that broke. */
export function connectionReset(id: string): Error {
  return systemError(id, 'read', 'ECONNRESET');
}

function systemError(id: string, syscall: string, code: string): Error {
  const error = new Error(`${syscall} ${code} (the fault "${id}" was injected on purpose)`);
  return Object.assign(error, { syscall, code });
}

/** Nobody wants faults in production by accident. */
export function chaosNotAllowed(): ServiceError {
  return new ServiceError({
    code: 'FAILED_PRECONDITION',
    reason: 'CHAOS_NOT_ALLOWED',
    httpStatus: 403,
    message: 'No fault is injected in production; set CHAOS_ALLOWED=true if it shall be',
  });
}

export function faultExists(id: string): ServiceError {
  return new ServiceError({
    code: 'ALREADY_EXISTS',
    reason: 'CHAOS_FAULT_EXISTS',
    message: `A fault "${id}" is active; end it by DELETE /chaos/${id}, or choose another id`,
  });
}

export function faultNotFound(): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'CHAOS_FAULT_NOT_FOUND',
    message: 'No active fault has this id; GET /chaos lists them',
  });
}
