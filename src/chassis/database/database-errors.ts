import { ServiceError } from '../errors/index.js';

const RETRY_AFTER_MS = 1000;

/** What the operating system says of a peer that is away. */
const NETWORK_CODES: ReadonlySet<string> = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ENOENT'.split(
    ' ',
  ),
);

/**
 * SQLSTATE: connection exceptions (08…), too many connections, shutdown, crash, starting up, database dropped, session
 * or transaction idle or open for too long; and read-only, which a server is that was demoted under its connections.
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE_STATE = /^(08\w{3}|53300|57P0[1-5]|25P0[34]|25006)$/;

/** disk_full, out_of_memory (also of what is shared, such as the table of locks): the connection is as good as before. */
const SHORTAGE_STATE = /^53[12]00$/;

/** serialization_failure, deadlock_detected */
const CONFLICT_STATE = /^(40001|40P01)$/;

/** in_failed_sql_transaction */
const FAILED_TRANSACTION_STATE = '25P02';

/** query_canceled: by statement_timeout, or by an operator */
const CANCELED_STATE = '57014';

/** lock_not_available: by lock_timeout where an interrupt said so, otherwise by NOWAIT, which a feature asks for. */
const LOCK_STATE = '55P03';
const INTERRUPT = 'ProcessInterrupts';

/** node-postgres gives these no code. */
const UNAVAILABLE_MESSAGE =
  /^(timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;

/**
 * The service's own error for what a retry may cure, and for what took too long. Anything else comes back as it is: a feature
 * may know its `code` (23505, unique violation), and what nobody handles answers INTERNAL.
 */
export function toDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (CONFLICT_STATE.test(code)) return conflict(error);
  if (code === CANCELED_STATE || isLockTimeout(error, code)) return timedOut(error);
  if (SHORTAGE_STATE.test(code)) return unavailable(error, 'The database is short of disk space or memory');
  const isUnavailable =
    NETWORK_CODES.has(code) || UNAVAILABLE_STATE.test(code) || UNAVAILABLE_MESSAGE.test(error.message);
  return isUnavailable ? unavailable(error) : error;
}

/** By its SQLSTATE: errors of the embedded database are of a class of their own. */
export function isOfFailedTransaction(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === FAILED_TRANSACTION_STATE;
}

/** Whether a fault that is told as UNAVAILABLE leaves the connection fit for use. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && SHORTAGE_STATE.test(String(error.code));
}

function isLockTimeout(error: Error, code: string): boolean {
  return code === LOCK_STATE && 'routine' in error && error.routine === INTERRUPT;
}

/** Whatever kept a connection from opening: for the caller the database is away. */
export function unavailable(
  cause: unknown,
  what = 'The database cannot be reached or has no free connection',
): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'DATABASE_UNAVAILABLE',
    message: `${what}; try again later`,
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

function conflict(cause: Error): ServiceError {
  return new ServiceError({
    code: 'ABORTED',
    reason: 'DATABASE_CONFLICT',
    message: 'The change collided with another one and was rolled back; try again',
    cause,
  });
}

function timedOut(cause: Error): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'DATABASE_TIMEOUT',
    message: 'The database stopped the query, which took longer than it may',
    cause,
  });
}
