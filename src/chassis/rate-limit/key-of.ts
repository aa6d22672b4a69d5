import ipaddr from 'ipaddr.js';
import { createHash } from 'node:crypto';
import type { Call, CallContext, Principal } from '../context/index.js';
import type { KeyOf, RateLimitKey } from './rate-limit.options.js';

/** Longer keys are remembered by their digest. */
const MAX_KEY_LENGTH = 64;
/** A site has a whole network of addresses: RFC 6177 gives it a /64 at least. */
const IPV6_NETWORK_PARTS = 4;
const MAPPED = '::ffff:';
/** A token that is remembered gives the same principal again and again. */
const principalKeys = new WeakMap<Principal, string>();

/** The way from a call to the key of its bucket. */
export function keyFunction(by: RateLimitKey | KeyOf): KeyOf {
  if (typeof by === 'function') return by;
  switch (by) {
    case 'all':
      return () => 'all';
    case 'route':
    case 'rpc':
      return (call) => targetOf(call);
    case 'principal':
      return principalKey;
    case 'api-key':
      return (call) => (call.principal?.scheme === 'api-key' ? principalKey(call) : undefined);
    case 'tenant':
      return (call) => call.principal?.tenant;
    case 'ip':
      return ipKey;
    default:
      throw new TypeError(`No key for ${String(by satisfies never)}`);
  }
}

/** Such as `GET /v1/orders/:id` or `orders.v1.OrderService/GetOrder`; of a HEAD that of the GET whose handler it runs. */
export function targetOf(call: CallContext): string {
  const known = call as Call;
  if (known.transport !== 'http') return known.rpc;
  return `${known.method === 'HEAD' ? 'GET' : known.method} ${known.route}`;
}

/** A key of a bounded length, the same for the same text; what is half a character has no bytes of its own. */
export function shorten(key: string): string {
  if (key.length <= MAX_KEY_LENGTH) return key.toWellFormed();
  return `#${createHash('sha256').update(key).digest('base64url')}`;
}

function principalKey(call: CallContext): string {
  const { principal } = call;
  if (!principal) return `ip:${ipKey(call)}`;
  return principalKeys.get(principal) ?? addPrincipalKey(principal);
}

function addPrincipalKey(principal: Principal): string {
  // By way of bytes: one flat text, whose hash is found once.
  const key = Buffer.from(`${principal.scheme}:${principal.id}`).toString();
  principalKeys.set(principal, key);
  return key;
}

function ipKey({ clientIp = '' }: CallContext): string {
  if (!clientIp.includes(':')) return clientIp;
  if (clientIp.startsWith(MAPPED) && clientIp.includes('.')) return clientIp.slice(MAPPED.length);
  return ipaddr.IPv6.isValid(clientIp) ? networkOf(clientIp) : clientIp;
}

function networkOf(address: string): string {
  const { parts } = ipaddr.IPv6.parse(address);
  return parts
    .slice(0, IPV6_NETWORK_PARTS)
    .map((part) => part.toString(16))
    .join(':');
}
