import { status as GrpcStatus, type ServiceError as GrpcError } from '@grpc/grpc-js';
import { codeOfNumber, retryInfoOf } from '../errors/index.js';
import { connectionFailure } from './connection-failure.js';
import type { OutgoingCall } from './outgoing-call.js';
import { UpstreamError } from './upstream-error.js';
import { upstreamAnswerMalformed, upstreamAnswerTooLarge, upstreamUnavailable } from './upstream-failures.js';

/** grpc-js' own words, which no trailer of a server bears. */
const TOO_LARGE = /^Received message larger than max/;
const MALFORMED = /^Response message parsing error/;
/** What it says of connections; a server that is there may speak of certificates, or be closed, as it likes. */
const NO_CONNECTION =
  /^((round_robin: )?No connection established\.|Name resolution failed for|Connection dropped|read E[A-Z]+|write E[A-Z]+)/;

/** What a call that failed is thrown as. */
export function grpcFailure(upstream: string, error: GrpcError, outgoing: OutgoingCall): Error {
  if (outgoing.abortReason) return outgoing.abortReason;
  const { code, details } = error;
  if (code === GrpcStatus.DEADLINE_EXCEEDED) return outgoing.late(error);
  if (code === GrpcStatus.RESOURCE_EXHAUSTED && TOO_LARGE.test(details))
    return upstreamAnswerTooLarge(upstream, error);
  if (code === GrpcStatus.INTERNAL && MALFORMED.test(details))
    return upstreamAnswerMalformed(upstream, error);
  const retryAfterMs = retryInfoOf(error.metadata);
  if (code === GrpcStatus.UNAVAILABLE) return unavailable(upstream, error, retryAfterMs);
  const name = codeOfNumber(code);
  return name === 'OK' ? error : new UpstreamError(upstream, name, details, error, retryAfterMs);
}

/** The server itself said so, or grpc-js because there is none. */
function unavailable(upstream: string, error: GrpcError, retryAfterMs: number | undefined): Error {
  const { details } = error;
  const failure = NO_CONNECTION.test(details) ? connectionFailure(upstream, details, error) : undefined;
  return failure ?? upstreamUnavailable(upstream, error, retryAfterMs === undefined ? {} : { retryAfterMs });
}
