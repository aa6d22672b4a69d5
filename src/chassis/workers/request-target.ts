import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../errors/primary.js';

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/** What a request asks for. */
interface Target {
  /** Path and query, also where the client named the host, as it does to a proxy. */
  readonly url: string;
  /** Why it cannot be answered. */
  readonly fault?: ServiceError;
}

/**
 * Says the same of a request's target as a port of one process: the requests that workers are handed have a Host in any
 * case. Sources: RFC 9112, sections 3.2 and 3.2.2.
 */
export function readTarget({ url = '/', headers: { host }, httpVersion }: IncomingMessage): Target {
  const authority = ABSOLUTE.exec(url)?.[1];
  const rest = authority === undefined ? url : url.replace(ABSOLUTE, '');
  const target = { url: rest.startsWith('/') || rest === '*' ? rest : `/${rest}` };
  if (host === undefined && httpVersion === '1.1')
    return { ...target, fault: malformed('The request has no Host header') };
  if (url.includes('#'))
    return { ...target, fault: malformed('The request target has a fragment, which stays with the client') };
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return { ...target, fault: malformed('The request target names another host than the Host header') };
  return target;
}

/** Without its query, and however its names are written; as the workers' router reads it. */
export function pathOf({ url }: { readonly url: string }): string {
  const [path = '/'] = url.split('?', 1);
  try {
    return decodeURI(path);
  } catch {
    // The workers refuse it.
    return path;
  }
}

function malformed(message: string): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_REQUEST',
    httpStatus: 400,
    message,
  });
}
