import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/index.js';
import { ServiceError } from '../errors/index.js';
import { headersTooLarge, malformedRequest } from './client-error.js';
import { exceedsHeaderLimit, isHttp2 } from './http2-request.js';

const HOST = /^(?:[a-z0-9]([\w.-]*[a-z0-9])?\.?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
/** Headers of which Node keeps the first; another reader may keep the last. No two are of one length. */
const SINGLE = ['host', 'content-type', 'authorization'];
const LONGEST = Math.max(...SINGLE.map(({ length }) => length));
const SINGLE_BY_LENGTH = Array.from({ length: LONGEST + 1 }, (_, length) =>
  SINGLE.find((name) => name.length === length),
);
const AMPERSAND = '&';

/** What a request must be like before its headers are believed; costs a walk over their names. */
export class RequestRules {
  readonly #maxUrlLength: number;
  readonly #maxParameters: number;
  readonly #maxFields: number;
  readonly #maxHeaderBytes: number;
  /** The last `Host` that was a host: most calls have the same. */
  #goodHost: string | undefined;

  constructor(config: Config) {
    this.#maxUrlLength = config.get('HTTP_MAX_URL_LENGTH');
    this.#maxParameters = config.get('HTTP_MAX_QUERY_PARAMETERS');
    this.#maxFields = config.get('MAX_HEADER_FIELDS');
    this.#maxHeaderBytes = config.get('MAX_HEADER_BYTES');
  }

  /** What is wrong with the request, if anything. */
  check(request: IncomingMessage): ServiceError | undefined {
    const { url = '/', rawHeaders } = request;
    if (url.length > this.#maxUrlLength) return urlTooLong(this.#maxUrlLength);
    if (rawHeaders.length > 2 * this.#maxFields) return tooManyHeaders(this.#maxFields);
    if (exceedsHeaderLimit(request, this.#maxHeaderBytes)) return headersTooLarge();
    const repeated = repeatedOf(rawHeaders);
    if (repeated !== undefined) return malformedRequest(`The request has more than one ${repeated} header`);
    return checkFraming(request) ?? this.#checkTarget(request, url) ?? this.#checkQuery(url);
  }

  /** Sources: RFC 9112, sections 3.2 and 3.2.2; RFC 9113, section 8.3.1. */
  #checkTarget(request: IncomingMessage, url: string): ServiceError | undefined {
    const { headers, httpVersion } = request;
    const { host } = headers;
    if (host === undefined && httpVersion === '1.1')
      return malformedRequest('The request has no Host header');
    if (host !== undefined && host !== this.#goodHost) {
      if (!HOST.test(host)) return malformedRequest('The Host header is no host name with an optional port');
      this.#goodHost = host;
    }
    if (url.includes('#'))
      return malformedRequest('The request target has a fragment, which stays with the client');
    if (isHttp2(request) && !isSame(headers[':authority'] ?? host, host)) return otherHost();
    return url.startsWith('/') || url === '*' ? undefined : checkAuthority(request, url);
  }

  #checkQuery(url: string): ServiceError | undefined {
    const begin = url.indexOf('?');
    if (begin === -1) return undefined;
    let count = 1;
    for (let at = url.indexOf(AMPERSAND, begin); at !== -1; at = url.indexOf(AMPERSAND, at + 1)) count += 1;
    return count > this.#maxParameters ? tooManyParameters(this.#maxParameters) : undefined;
  }
}

/** The name of a header that stands there twice although it may once. */
function repeatedOf(rawHeaders: readonly string[]): string | undefined {
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const single = SINGLE_BY_LENGTH[name.length];
    if (single === undefined || (name !== single && name.toLowerCase() !== single)) continue;
    const bit = 1 << name.length;
    if ((seen & bit) !== 0) return single;
    seen |= bit;
  }
  return undefined;
}

/**
 * Node's parser takes every version that looks like one, and any transfer coding before `chunked`. Sources:
 * RFC 9112, section 6.1 (HTTP/1.0 with a transfer coding is faulty), RFC 9110, section 2.5.
 */
function checkFraming(request: IncomingMessage): ServiceError | undefined {
  const { httpVersionMajor, httpVersion, headers } = request;
  const coding = headers['transfer-encoding'];
  if (httpVersionMajor !== 1 && !isHttp2(request))
    return malformedRequest('This port speaks HTTP/1.1 and HTTP/1.0');
  if (coding === undefined) return undefined;
  if (httpVersion === '1.0') return malformedRequest('HTTP/1.0 has no Transfer-Encoding; send HTTP/1.1');
  return coding.toLowerCase() === 'chunked'
    ? undefined
    : malformedRequest('The only Transfer-Encoding this service reads is chunked');
}

/** The client speaks to this service as to a proxy: `GET http://host/path`, which HTTP/2 does not know. */
function checkAuthority(request: IncomingMessage, url: string): ServiceError | undefined {
  const authority = isHttp2(request) ? undefined : ABSOLUTE.exec(url)?.[1];
  if (authority === undefined)
    return malformedRequest('The request target is neither a path nor an http URL');
  return isSame(authority, request.headers.host) ? undefined : otherHost();
}

/** Whether the target and the Host header, where there is one, name the same host. */
function isSame(authority: string | string[] | undefined, host: string | undefined): boolean {
  return host === undefined || String(authority).toLowerCase() === host.toLowerCase();
}

function otherHost(): ServiceError {
  return malformedRequest('The request target names another host than the Host header');
}

function urlTooLong(limit: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'URL_TOO_LONG',
    httpStatus: 414,
    message: `The URL is longer than the ${limit} characters this service accepts`,
  });
}

function tooManyHeaders(limit: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'TOO_MANY_HEADERS',
    httpStatus: 431,
    message: `The request has more than the ${limit} header fields this service accepts`,
  });
}

function tooManyParameters(limit: number): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'TOO_MANY_PARAMETERS',
    message: `The query has more than the ${limit} parameters this service accepts`,
  });
}

/** Requests sent one after the other without waiting for an answer. */
export function tooManyPipelined(limit: number): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'TOO_MANY_PIPELINED',
    httpStatus: 429,
    message: `More than ${limit} requests of this connection wait for their answer; read the answers first`,
  });
}
