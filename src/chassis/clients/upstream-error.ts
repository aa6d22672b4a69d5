import { CodedError, codeOfHttpStatus, type Code } from '../errors/index.js';

/**
 * The other service answered, and said no. What that means for your own caller only you know: catch it
 * where it has a meaning; uncaught it is a fault of ours, 500 / INTERNAL, with its message in the log.
 */
export class UpstreamError extends CodedError {
  override readonly name = 'UpstreamError';

  constructor(
    /** The client's name. */
    readonly upstream: string,
    /** HTTP status, or the canonical gRPC code. */
    readonly status: number | Code,
    /** What it sent along: a JSON body such as a problem, its text, or the gRPC message; nothing that is too long. */
    readonly body: unknown,
    cause?: unknown,
    /** As its `Retry-After` or its `RetryInfo` says. */
    readonly retryAfterMs?: number | undefined,
  ) {
    super(`${upstream} answered ${status}`, cause === undefined ? undefined : { cause });
  }

  /** Canonical, whatever the transport: breakers and retries go by it. */
  get code(): Code {
    return typeof this.status === 'number' ? codeOfHttpStatus(this.status) : this.status;
  }
}
