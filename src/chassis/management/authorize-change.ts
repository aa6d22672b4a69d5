import type { FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what would change the service's state, unless it bears `MANAGEMENT_TOKEN` or, where none is
 * set, comes from the loopback address.
 * @throws {ServiceError} UNAUTHENTICATED or PERMISSION_DENIED
 */
export function createAuthorizeChange(config: Config): (request: FastifyRequest) => void {
  const token = config.get('MANAGEMENT_TOKEN');
  const expected = digest(`Bearer ${token}`);
  return ({ method, headers, socket }) => {
    if (SAFE_METHODS.has(method)) return;
    if (token) {
      if (!timingSafeEqual(digest(headers.authorization ?? ''), expected)) throw wrongToken();
    } else if (!isLoopback(socket.remoteAddress)) throw notFromHere();
  };
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
