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
] as const;

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
] as const;

/** Headers that a handler never sees; the first kind it does see from a trusted proxy. */
export const SPOOFABLE: ReadonlySet<string> = new Set([...FORWARDED, ...OVERRIDING]);

/**
 * Takes away what a caller must not decide. Deleting slows an object down, and so does asking for names by
 * a variable: each name is asked for by itself, and most calls have none of them.
 */
export function dropSpoofable(headers: IncomingHttpHeaders, isTrusted: boolean): void {
  if (!isTrusted && hasForwarded(headers)) for (const name of FORWARDED) delete headers[name];
  if (hasOverriding(headers)) for (const name of OVERRIDING) delete headers[name];
}

function hasForwarded(headers: IncomingHttpHeaders): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined ||
    headers['x-forwarded-host'] !== undefined ||
    headers['x-real-ip'] !== undefined ||
    headers.forwarded !== undefined ||
    headers['x-forwarded-port'] !== undefined ||
    headers['x-forwarded-prefix'] !== undefined ||
    headers['x-forwarded-server'] !== undefined ||
    headers['x-forwarded-ssl'] !== undefined ||
    headers['x-forwarded-client-cert'] !== undefined ||
    headers['x-client-ip'] !== undefined ||
    headers['true-client-ip'] !== undefined ||
    headers['cf-connecting-ip'] !== undefined
  );
}

function hasOverriding(headers: IncomingHttpHeaders): boolean {
  return (
    headers['x-original-url'] !== undefined ||
    headers['x-rewrite-url'] !== undefined ||
    headers['x-original-host'] !== undefined ||
    headers['x-http-method-override'] !== undefined ||
    headers['x-http-method'] !== undefined ||
    headers['x-method-override'] !== undefined ||
    headers['proxy-authorization'] !== undefined ||
    headers['proxy-connection'] !== undefined
  );
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
