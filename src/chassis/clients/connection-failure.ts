import type { ServiceError } from '../errors/index.js';
import { upstreamTlsFailed, upstreamUnavailable, type UpstreamFault } from './upstream-failures.js';

/** Codes of Node, OpenSSL and undici, and grpc-js' words where it keeps the code to itself. */
const TLS = /CERT|ERR_SSL|ERR_TLS|EPROTO|certificate|altname|SSL routines|Hostname\/IP does not match/i;
const FAULTS: readonly (readonly [RegExp, UpstreamFault])[] = [
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/i, 'dns'],
  [/ECONNREFUSED/, 'refused'],
  [/UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'unreachable'],
  [
    /ECONNRESET|EPIPE|UND_ERR_(SOCKET|CLOSED|DESTROYED)|Connection dropped|closed|hang up/i,
    'connection_lost',
  ],
];

/**
 * What went wrong with a connection to `upstream`; `undefined` when it was something else.
 * @param text the error's code with its message
 */
export function connectionFailure(upstream: string, text: string, cause: unknown): ServiceError | undefined {
  if (TLS.test(text)) return upstreamTlsFailed(upstream, cause);
  const fault = FAULTS.find(([pattern]) => pattern.test(text))?.[1];
  return fault && upstreamUnavailable(upstream, cause, { fault });
}
