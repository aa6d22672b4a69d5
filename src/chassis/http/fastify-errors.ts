import { callCancelled, codeOfHttpStatus, ServiceError, toServiceError } from '../errors/index.js';

interface FastifyFault {
  readonly reason: string;
  readonly code: 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED';
  readonly httpStatus: number;
  readonly message: string;
}

/** Fastify's own refusals that a caller can cause, by their `code`. */
const FAULTS: Readonly<Record<string, FastifyFault>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unsupportedMediaType('The body must be application/json'),
  FST_ERR_CTP_EMPTY_JSON_BODY: malformed('The body is empty; send JSON or no content-type'),
  FST_ERR_CTP_INVALID_JSON_BODY: malformed(
    'The body is not JSON, or has a "__proto__" or "constructor.prototype" key',
  ),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: malformed('The body is not as long as content-length says'),
  FST_ERR_CTP_BODY_TOO_LARGE: tooLarge('BODY_TOO_LARGE', 413, 'The body is larger than this service accepts'),
  FST_ERR_MAX_PARAM_LENGTH: tooLarge('URL_TOO_LONG', 414, 'A path parameter is too long'),
  FST_ERR_BAD_URL: { ...malformed('The URL has a broken percent-encoding'), reason: 'MALFORMED_URL' },
};

/** Whatever reached Fastify's error handler, as the one error the service knows. */
export function fromFastify(thrown: unknown): ServiceError {
  if (!(thrown instanceof Error) || thrown instanceof ServiceError) return toServiceError(thrown);
  const code = 'code' in thrown ? String(thrown.code) : '';
  const fault = FAULTS[code];
  // Fastify reads bodies: the client left amid its own. A connection of ours that breaks has no status.
  if (code === 'ECONNRESET' && 'statusCode' in thrown) return callCancelled();
  if (fault) return new ServiceError({ ...fault, cause: thrown });
  const status = 'statusCode' in thrown ? Number(thrown.statusCode) : 500;
  return code.startsWith('FST_') && status < 500 ? refusedByFastify(thrown, status) : toServiceError(thrown);
}

/** A refusal that the table does not know, perhaps of a newer Fastify: still the caller's fault. */
function refusedByFastify(cause: Error, httpStatus: number): ServiceError {
  const { message } = cause;
  return new ServiceError({
    code: codeOfHttpStatus(httpStatus),
    reason: 'MALFORMED_REQUEST',
    httpStatus,
    message,
    cause,
  });
}

/** The body is not in a form that this service reads. */
export function unsupportedMediaType(message: string): FastifyFault {
  return { code: 'INVALID_ARGUMENT', reason: 'UNSUPPORTED_MEDIA_TYPE', httpStatus: 415, message };
}

/** The bytes of the body do not make sense. */
export function malformed(message: string): FastifyFault {
  return { code: 'INVALID_ARGUMENT', reason: 'MALFORMED_BODY', httpStatus: 400, message };
}

function tooLarge(reason: string, httpStatus: number, message: string): FastifyFault {
  return { code: 'RESOURCE_EXHAUSTED', reason, httpStatus, message };
}
