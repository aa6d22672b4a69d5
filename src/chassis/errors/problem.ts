import { statusOf } from './http-status.js';
import type { ServiceError } from './service-error.js';

/** An error as HTTP shows it: RFC 9457 `application/problem+json` with the chassis' extension members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly reason: string;
  readonly requestId: string;
  readonly traceId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** Renders an error for the caller. `instance` is the request's path without its query. */
export function toProblem(
  error: ServiceError,
  call: { readonly instance: string; readonly requestId: string; readonly traceId?: string },
): Problem {
  return {
    type: `urn:problem-type:${error.reason.toLowerCase().replaceAll('_', '-')}`,
    title: titleOf(error.reason),
    status: statusOf(error),
    detail: error.message,
    instance: call.instance,
    code: error.code,
    reason: error.reason,
    requestId: call.requestId,
    ...(call.traceId !== undefined && { traceId: call.traceId }),
    ...(error.metadata && { metadata: error.metadata }),
    ...(error.violations && { errors: error.violations }),
  };
}

function titleOf(reason: string): string {
  const words = reason.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
