import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.js';
import { Status } from '../../generated/google/rpc/status.js';
import { GRPC_CODES, type FieldViolation, type ServiceError } from '../errors/index.js';

export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
const MAX_MESSAGE_LENGTH = 1024;
/**
 * Of the message, percent-encoded. Clients refuse trailers of more than 8 KiB, as RESOURCE_EXHAUSTED or by ending the
 * connection with all its calls; the details have the message once more.
 */
const MAX_ENCODED_LENGTH = 2048;
/** Of a status' violations; those beyond are left out. */
const MAX_VIOLATION_BYTES = 2048;
/** The last character, where it has several bytes: the cut may have left some of them. */
const CUT_CHARACTER = /(%[C-F].(%[89AB].){0,3})?(%.?)?$/i;
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/**
 * An error as `google.rpc.Status` with `ErrorInfo`, `BadRequest` for validation faults and
 * `RetryInfo` where a retry makes sense. `domain` is the service's name.
 * Source: https://google.aip.dev/193
 */
export function toRpcStatus(error: ServiceError, domain: string): Status {
  const info = { reason: error.reason, domain, metadata: { ...error.metadata } };
  const details = [{ typeUrl: `${TYPE_PREFIX}ErrorInfo`, value: ErrorInfo.encode(info).finish() }];
  if (error.violations) {
    const fieldViolations = withinLimit(error.violations).map(({ path, message }) => ({
      field: path,
      description: message,
    }));
    details.push({
      typeUrl: `${TYPE_PREFIX}BadRequest`,
      value: BadRequest.encode({ fieldViolations }).finish(),
    });
  }
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.floor(error.retryAfterMs / 1000);
    const retryDelay = { seconds, nanos: Math.round((error.retryAfterMs % 1000) * 1e6) };
    details.push({ typeUrl: `${TYPE_PREFIX}RetryInfo`, value: RetryInfo.encode({ retryDelay }).finish() });
  }
  return {
    code: GRPC_CODES[error.code],
    message: shorten(error.message),
    details,
  };
}

function shorten(message: string): string {
  return decodeURI(cutEncoded(encodeURI(message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed())));
}

/** A percent-encoded message, no longer than clients take. */
export function cutEncoded(text: string): string {
  if (text.length <= MAX_ENCODED_LENGTH) return text;
  return text.slice(0, MAX_ENCODED_LENGTH).replace(CUT_CHARACTER, '');
}

function withinLimit(violations: readonly FieldViolation[]): readonly FieldViolation[] {
  let bytes = 0;
  return violations.filter(({ path, message }) => {
    bytes += Buffer.byteLength(path) + Buffer.byteLength(message);
    return bytes <= MAX_VIOLATION_BYTES;
  });
}

/** The same as fields of HTTP/2. */
export function toStatusFields(
  error: ServiceError,
  domain: string,
): Readonly<Record<string, string | number>> {
  const status = toRpcStatus(error, domain);
  return {
    'grpc-status': status.code,
    'grpc-message': encodeURI(status.message),
    [STATUS_DETAILS_KEY]: Buffer.from(Status.encode(status).finish()).toString('base64'),
  };
}

/** The same as grpc-js takes it for the trailers of a call. */
export function toGrpcStatus(error: ServiceError, domain: string): StatusObject & Error {
  const status = toRpcStatus(error, domain);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(error.headers ?? {})) metadata.set(name, value);
  metadata.set(STATUS_DETAILS_KEY, Buffer.from(Status.encode(status).finish()));
  return Object.assign(new Error(status.message), { code: status.code, details: status.message, metadata });
}
