import { ServiceError } from '../errors/index.js';

/** Why another service cannot be reached. */
export type UpstreamFault = 'dns' | 'refused' | 'unreachable' | 'connection_lost';

/** The other service cannot be reached. */
export function upstreamUnavailable(
  upstream: string,
  cause: unknown,
  { fault, retryAfterMs }: { readonly fault?: UpstreamFault; readonly retryAfterMs?: number } = {},
): ServiceError {
  return new ServiceError({
    code: 'UNAVAILABLE',
    reason: 'UPSTREAM_UNAVAILABLE',
    message: `This service needs ${upstream}, which cannot be reached; try again later`,
    metadata: { upstream, ...(fault && { fault }) },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause,
  });
}

/** The other service took longer than the client's own limit, or that of the policy. */
export function upstreamTimeout(upstream: string, cause?: unknown): ServiceError {
  return new ServiceError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'UPSTREAM_TIMEOUT',
    message: `This service needs ${upstream}, which did not answer in time; try again later`,
    metadata: { upstream },
    cause,
  });
}

/** One of both sides does not accept the other's certificate, or TLS at all. Trying again is of no use. */
export function upstreamTlsFailed(upstream: string, cause: unknown): ServiceError {
  return new ServiceError({
    code: 'INTERNAL',
    reason: 'UPSTREAM_TLS_FAILED',
    httpStatus: 502,
    message: `This service needs ${upstream}, with which it cannot agree on TLS; its operator has to look at the certificates`,
    metadata: { upstream },
    cause,
  });
}

/** The answer is longer than the client takes. Trying again is of no use. */
export function upstreamAnswerTooLarge(upstream: string, cause?: unknown): ServiceError {
  return new ServiceError({
    code: 'INTERNAL',
    reason: 'UPSTREAM_ANSWER_TOO_LARGE',
    httpStatus: 502,
    message: `This service needs ${upstream}, whose answer is larger than this service takes`,
    metadata: { upstream },
    cause,
  });
}

/** The answer is none: it breaks HTTP or JSON. */
export function upstreamAnswerMalformed(upstream: string, cause: unknown): ServiceError {
  return new ServiceError({
    code: 'INTERNAL',
    reason: 'UPSTREAM_ANSWER_MALFORMED',
    httpStatus: 502,
    message: `This service needs ${upstream}, whose answer cannot be read`,
    metadata: { upstream },
    cause,
  });
}
