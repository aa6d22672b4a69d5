import type { Code } from './code.js';
import { CodedError } from './coded-error.js';
import { assertSendable } from './sendable.js';

/** One fault in what the caller sent: where (`items.0.quantity`) and what to do about it. */
export interface FieldViolation {
  readonly path: string;
  readonly message: string;
}

export interface ServiceErrorOptions {
  /** Canonical code; decides the HTTP and the gRPC status. */
  readonly code: Code;
  /** Machine-readable, UPPER_SNAKE_CASE, stable: clients branch on it. Listed in docs/errors.md or the feature's errors.md. */
  readonly reason: string;
  /** Safe to show to the caller: what failed, which one, what to do. Never a secret, never a stack. */
  readonly message: string;
  /**
   * HTTP status, only where HTTP has a more exact one than the code's own (405, 412, 413, 415, 422 …).
   * @default the code's status, see `httpStatusOf`
   */
  readonly httpStatus?: number;
  /** Further facts for machines, such as the id that was not found. Sent to the caller. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Validation faults; sent as `errors[]` in problems and as `BadRequest` in gRPC details. */
  readonly violations?: readonly FieldViolation[];
  /** When trying again makes sense, in milliseconds; `Retry-After` (rounded up to seconds) and `RetryInfo`. */
  readonly retryAfterMs?: number;
  /** Lower-case response headers, of printable ASCII, that belong to the refusal, such as `www-authenticate`; trailers on gRPC. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What went wrong inside; logged, never sent. */
  readonly cause?: unknown;
}

/**
 * The one error that crosses from a feature to the transports. Whatever else is thrown answers
 * 500 / INTERNAL with nothing of the inside.
 */
export class ServiceError extends CodedError {
  override readonly name = 'ServiceError';
  readonly code: Code;
  readonly reason: string;
  readonly httpStatus: number | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly violations: readonly FieldViolation[] | undefined;
  readonly retryAfterMs: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  /** @throws TypeError for headers that cannot be sent */
  constructor(options: ServiceErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.reason = options.reason;
    this.httpStatus = options.httpStatus;
    this.metadata = options.metadata;
    this.violations = options.violations;
    this.retryAfterMs = options.retryAfterMs;
    this.headers = options.headers;
    for (const name in options.headers) assertSendable(name, options.headers[name] ?? '');
  }
}
