import type { ServiceError } from '../errors/index.js';
import { upstreamTlsFailed, upstreamUnavailable, type UpstreamFault } from './upstream-failures.js';

/**
 * Codes of Node, OpenSSL and undici, and grpc-js' words where it keeps the code to itself; the first that fits. The
 * codes before TLS come with names of hosts, such as `certificates.example`.
 */
const FAULTS: readonly (readonly [RegExp, UpstreamFault | 'tls'])[] = [
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'dns'],
  [/ECONNREFUSED/, 'refused'],
  [/UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'unreachable'],
  [/CERT|ERR_SSL|ERR_TLS|EPROTO|certificate|altname|SSL routines|Hostname\/IP does not match/i, 'tls'],
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
  const fault = FAULTS.find(([pattern]) => pattern.test(text))?.[1];
  if (fault === 'tls') return upstreamTlsFailed(upstream, cause);
  return fault && upstreamUnavailable(upstream, cause, { fault });
}
