import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.js';
import { Status } from '../../generated/google/rpc/status.js';
import { GRPC_CODES, type ServiceError } from '../errors/index.js';

export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
/** Clients bound what a status may hold, some by ending the connection with all its calls. */
const MAX_MESSAGE_LENGTH = 1024;
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
    const fieldViolations = error.violations.map(({ path, message }) => ({
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
    message: error.message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed(),
    details,
  };
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
