/** The canonical codes of gRPC; the place in the list is the number: https://grpc.io/docs/guides/status-codes/. */
export const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** A canonical code. */
export type Code = (typeof CODES)[number];

/** One field that the service refused. */
export interface Violation {
  /** Such as `items.0.sku`. */
  readonly path: string;
  readonly message: string;
}

/** What is known of a call that failed. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly requestId?: string | undefined;
  readonly status?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly violations?: readonly Violation[] | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A call that failed, the same over REST and gRPC. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** The canonical code, such as `NOT_FOUND`. */
  readonly code: Code;
  /** Machine-readable and stable, such as `ORDER_NOT_FOUND`; empty when the call did not reach the service. */
  readonly reason: string;
  /** Give it to the service's operators: their logs have it. */
  readonly requestId: string | undefined;
  /** The HTTP status, over REST. */
  readonly status: number | undefined;
  /** What the reason is about. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields that were refused, with `INVALID_ARGUMENT`. */
  readonly violations: readonly Violation[];
  /** When a retry makes sense, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(failure: Failure) {
    super(failure.message, { cause: failure.cause });
    this.code = failure.code;
    this.reason = failure.reason ?? '';
    this.requestId = failure.requestId;
    this.status = failure.status;
    this.metadata = failure.metadata ?? {};
    this.violations = failure.violations ?? [];
    this.retryAfterMs = failure.retryAfterMs;
  }
}
