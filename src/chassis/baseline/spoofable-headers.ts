import type { IncomingHttpHeaders } from 'node:http';

/** A proxy's word about a call; everybody else's is a lie. */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-forwarded-client-cert',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  // What it says of a call's importance decides who is refused under overload.
  'x-priority',
];

/** Frameworks that believe these let a caller go round the rules of the proxy before them. */
const OVERRIDING = [
  'x-original-url',
  'x-rewrite-url',
  'x-original-host',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'proxy-authorization',
  'proxy-connection',
];

const FROM_PROXY: ReadonlySet<string> = new Set(OVERRIDING);
const FROM_ANYBODY: ReadonlySet<string> = new Set([...FORWARDED, ...OVERRIDING]);

/** The headers that no handler may see from such a peer: it is not the caller who decides them. */
export function spoofableBy(isTrusted: boolean): ReadonlySet<string> {
  return isTrusted ? FROM_PROXY : FROM_ANYBODY;
}

/** Takes those away. A walk over the names costs less than asking for each of ours. */
export function dropSpoofable(headers: IncomingHttpHeaders, isTrusted: boolean): void {
  const spoofable = spoofableBy(isTrusted);
  for (const name in headers) if (spoofable.has(name)) delete headers[name];
}

/** What frames and types the message stays, whatever `connection` says. */
const KEPT = new Set(['host', 'content-length', 'content-type', 'transfer-encoding', 'connection']);

/**
 * Takes away the headers that `connection` names: they were meant for the hop before. Source: RFC 9110,
 * section 7.6.1.
 */
export function dropHopByHop(headers: IncomingHttpHeaders): void {
  const { connection } = headers;
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return;
  for (const option of connection.split(',')) {
    const name = option.trim().toLowerCase();
    if (!KEPT.has(name)) delete headers[name];
  }
}
