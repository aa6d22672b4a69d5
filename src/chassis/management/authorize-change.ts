import type { FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';

/** They change nothing: RFC 9110, section 9.2.1. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Names of this machine itself; a page of somebody else's has another one, even if it leads here. */
const OWN_HOST = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/**
 * Refuses what would change the service's state, unless it bears `MANAGEMENT_TOKEN` or, where none is
 * set, comes from the loopback address and from no web page: a browser on this machine sends what any
 * page tells it to, also to a name that the page's owner lets lead to 127.0.0.1 (DNS rebinding).
 * @param allowed gets the changes that were not refused here
 * @throws {ServiceError} UNAUTHENTICATED or PERMISSION_DENIED
 */
export function createAuthorizeChange(
  config: Config,
  allowed: WeakSet<FastifyRequest>,
): (request: FastifyRequest) => void {
  const token = config.get('MANAGEMENT_TOKEN');
  const expected = digest(`Bearer ${token}`);
  return (request) => {
    const { method, headers, socket } = request;
    if (SAFE_METHODS.has(method)) return;
    if (isForeignPage(headers)) throw fromForeignPage();
    if (token) {
      // Source: RFC 9110, section 11.1: the name of a scheme has no case.
      const sent = (headers.authorization ?? '').replace(/^bearer /i, 'Bearer ');
      if (!timingSafeEqual(digest(sent), expected)) throw wrongToken();
    } else if (!isLoopback(socket.remoteAddress)) throw notFromHere();
    else if (!OWN_HOST.test(headers.host ?? 'localhost')) throw fromForeignPage();
    allowed.add(request);
  };
}

/** Browsers say of every change which page it comes from. */
function isForeignPage({ origin, host }: IncomingHttpHeaders): boolean {
  return origin !== undefined && (host === undefined || URL.parse(origin)?.host !== host.toLowerCase());
}

/** Digests have one length, whatever the caller sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isLoopback(address = ''): boolean {
  const plain = address.replace(/^::ffff:/, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function wrongToken(): ServiceError {
  return new ServiceError({
    code: 'UNAUTHENTICATED',
    reason: 'MANAGEMENT_TOKEN_REQUIRED',
    message: 'Changes need "authorization: Bearer" with the MANAGEMENT_TOKEN of this service',
  });
}

function notFromHere(): ServiceError {
  return new ServiceError({
    code: 'PERMISSION_DENIED',
    reason: 'LOOPBACK_ONLY',
    message: 'Changes are taken from this machine only, because no MANAGEMENT_TOKEN is set',
  });
}

function fromForeignPage(): ServiceError {
  return new ServiceError({
    code: 'PERMISSION_DENIED',
    reason: 'FOREIGN_ORIGIN',
    message: 'Changes are not taken from web pages of other origins; ask for this host by its address',
  });
}
