import type { Metadata } from '@grpc/grpc-js';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';

export const API_KEY_HEADER = 'x-api-key';
const AUTHORIZATION = 'authorization';
const BEARER = 'bearer ';

/** A header of a REST request or a metadata entry of a gRPC call; repeated ones have commas between them. */
export function readCredential(
  context: ExecutionContext,
  name: typeof AUTHORIZATION | typeof API_KEY_HEADER,
): string | undefined {
  // Not by switchToHttp() and switchToRpc(): they make closures for every call.
  if (context.getType() === 'rpc') {
    const values = context.getArgByIndex<Metadata>(1).get(name);
    return values.length > 1 ? values.join(', ') : (values[0] as string | undefined);
  }
  const { headers, rawHeaders } = context.getArgByIndex<FastifyRequest>(0).raw;
  if (name === AUTHORIZATION) return authorizationOf(headers, rawHeaders);
  return headers[name] as string | undefined;
}

/**
 * The authorization header, all of them with commas in between where there are several. Node keeps the
 * first and drops the others silently, while a proxy before it may have checked another one.
 */
export function authorizationOf(
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): string | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  let all: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== AUTHORIZATION.length || name.toLowerCase() !== AUTHORIZATION) continue;
    const value = rawHeaders[index + 1] as string;
    all = all === undefined ? value : `${all}, ${value}`;
  }
  return all ?? authorization;
}

/** The token of a Bearer header, empty when there is none; `undefined` for another scheme. Source: RFC 6750, section 2.1. */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.startsWith('Bearer ')) return authorization.slice(BEARER.length);
  const isBearer = `${authorization} `.slice(0, BEARER.length).toLowerCase() === BEARER;
  return isBearer ? authorization.slice(BEARER.length) : undefined;
}
