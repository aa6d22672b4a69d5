import { ServiceError, type Code } from '../errors/index.js';

/**
 * The other service answered, and said no. What that means for your own caller only you know: catch it
 * where it has a meaning; uncaught it is a fault of ours, 500 / INTERNAL, with its message in the log.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';

  constructor(
    /** The client's name. */
    readonly upstream: string,
    /** HTTP status, or the canonical gRPC code. */
    readonly status: number | Code,
    /** What it sent along: a JSON body such as a problem, its text, or the gRPC message. */
    readonly body: unknown,
    cause?: unknown,
  ) {
    super(`${upstream} answered ${status}`, cause === undefined ? undefined : { cause });
  }
}

/** The other service cannot be reached. */
export function upstreamUnavailable(upstream: string, cause: unknown): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'UPSTREAM_UNAVAILABLE',
    message: `This service needs ${upstream}, which cannot be reached; try again later`,
    metadata: { upstream },
    cause,
  });
}

/** The other service took longer than the client's own limit. */
export function upstreamTimeout(upstream: string, cause: unknown): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'UPSTREAM_TIMEOUT',
    message: `This service needs ${upstream}, which did not answer in time; try again later`,
    metadata: { upstream },
    cause,
  });
}
