import { normalizeIp } from './normalize-ip.js';
import type { Peer } from './peer.js';
import type { TrustedProxies } from './trusted-proxies.js';

/** A chain of proxies is short; what is longer was written by somebody else. */
const MAX_HOPS = 16;
const PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/;

/**
 * The address of the client: the nearest hop of `x-forwarded-for` that is no trusted proxy, which is what
 * the last trusted one has seen. An entry that is no address ends the search: whoever wrote it is not
 * believed, and the proxy that passed it on stands for its client.
 */
export function clientIpOf(forwardedFor: unknown, peer: Peer, proxies: TrustedProxies): string | undefined {
  if (!peer.isTrusted || typeof forwardedFor !== 'string') return peer.ip;
  let { ip } = peer;
  let end = forwardedFor.length;
  for (let hop = 0; hop < MAX_HOPS && end >= 0; hop++) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const address = addressOf(forwardedFor.slice(comma + 1, end).trim());
    if (address === undefined) return ip;
    ip = address;
    if (!proxies.trusts(address)) return address;
    end = comma;
  }
  return ip;
}

/** The nearest proxy's word of a list such as `https, http`; of no use but from a trusted peer. */
export function nearestOf(forwarded: unknown): string | undefined {
  if (typeof forwarded !== 'string') return undefined;
  return forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
}

/** Some proxies write the port, too: `192.0.2.1:8080`, `[2001:db8::1]:8080`. */
function addressOf(hop: string): string | undefined {
  const address = normalizeIp(hop);
  if (address !== undefined) return address;
  const [, bracketed, plain] = PORT.exec(hop) ?? [];
  return normalizeIp(bracketed ?? plain ?? '');
}
