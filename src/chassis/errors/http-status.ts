import type { Code } from './code.js';

/**
 * The HTTP status of a canonical code.
 * Source: the "HTTP Mapping" comments of google.rpc.Code; CANCELLED is 499 as nginx writes it.
 */
export function httpStatusOf(code: Code): number {
  switch (code) {
    case 'INVALID_ARGUMENT':
    case 'FAILED_PRECONDITION':
    case 'OUT_OF_RANGE':
      return 400;
    case 'UNAUTHENTICATED':
      return 401;
    case 'PERMISSION_DENIED':
      return 403;
    case 'NOT_FOUND':
      return 404;
    case 'ALREADY_EXISTS':
    case 'ABORTED':
      return 409;
    case 'RESOURCE_EXHAUSTED':
      return 429;
    case 'CANCELLED':
      return 499;
    case 'UNIMPLEMENTED':
      return 501;
    case 'UNAVAILABLE':
      return 503;
    case 'DEADLINE_EXCEEDED':
      return 504;
    case 'UNKNOWN':
    case 'INTERNAL':
    case 'DATA_LOSS':
      return 500;
    default: {
      const unmapped: never = code;
      throw new TypeError(`No HTTP status for code ${String(unmapped)}`);
    }
  }
}

/** The HTTP status of an error: its own, or that of its code. */
export function statusOf({ code, httpStatus }: { code: Code; httpStatus: number | undefined }): number {
  return httpStatus ?? httpStatusOf(code);
}

/** The canonical code that says most about an HTTP status which a framework or a library chose. */
export function codeOfHttpStatus(status: number): Code {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'PERMISSION_DENIED';
    case 404:
    case 410:
      return 'NOT_FOUND';
    case 405:
    case 501:
      return 'UNIMPLEMENTED';
    case 408:
    case 504:
      return 'DEADLINE_EXCEEDED';
    case 409:
      return 'ABORTED';
    case 412:
    case 428:
      return 'FAILED_PRECONDITION';
    case 413:
    case 414:
    case 429:
    case 431:
      return 'RESOURCE_EXHAUSTED';
    case 499:
      return 'CANCELLED';
    case 502:
    case 503:
      return 'UNAVAILABLE';
    default:
      // Another place, or what the asker has already: whoever answers so is well.
      if (status >= 300 && status < 400) return 'FAILED_PRECONDITION';
      return status >= 400 && status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL';
  }
}
