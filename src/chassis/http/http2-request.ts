import type { EventEmitter } from 'node:events';
import { IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Config } from '../config/index.js';
import { UNKNOWN_METHOD, type HttpCall } from '../context/index.js';
import { requestTooSlow } from './request-too-slow.js';

/** Source: RFC 9113, section 6.5.2: each field counts 32 bytes besides its name and its value. */
const FIELD_BYTES = 32;

/** Whether it came over HTTP/2, and not over HTTP/1.1 with a version of the client's invention. */
export function isHttp2(request: IncomingMessage): boolean {
  return request.httpVersionMajor === 2 && !(request instanceof IncomingMessage);
}

const KNOWN_METHODS = new Set(METHODS);

/** Node reads no other methods from HTTP/1.1; HTTP/2 brings any, which are one: what is kept by method stays bounded. */
export function methodOf(request: IncomingMessage): string {
  const { method = '' } = request;
  return !isHttp2(request) || KNOWN_METHODS.has(method) ? method : UNKNOWN_METHOD;
}

/** What stays the same for all requests of a connection: the socket of HTTP/1.1, the session of HTTP/2. */
export function connectionOf(request: IncomingMessage): object {
  if (!isHttp2(request)) return request.socket;
  const { stream, socket } = request as unknown as Http2ServerRequest;
  return stream.session ?? socket;
}

/** Node holds HTTP/1.1 against the limit itself, HTTP/2 not. */
export function exceedsHeaderLimit(request: IncomingMessage, limitBytes: number): boolean {
  if (!isHttp2(request)) return false;
  let bytes = 0;
  for (const text of request.rawHeaders) bytes += text.length + FIELD_BYTES / 2;
  return bytes > limitBytes;
}

/**
 * Node holds a request of HTTP/1.1 to the time for its arrival itself, one of HTTP/2 not. Once that is answered it need
 * not arrive any more: its client would keep the call open. Source: RFC 9113, section 8.1
 */
export function limitArrival(request: IncomingMessage, call: HttpCall, config: Config): void {
  if (!isHttp2(request)) return;
  const { stream } = request as unknown as Http2ServerRequest;
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => {
    stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
    call.abort(requestTooSlow());
  }, config.get('HTTP_REQUEST_TIMEOUT_MS'));
  const arrived = (): void => clearTimeout(timer);
  request.once('end', arrived).once('close', arrived);
}

/** Whether the client has reset the stream before its end, which for Node is the end of the body when the code is NO_ERROR. */
export function isBrokenOff(request: IncomingMessage): boolean {
  return isHttp2(request) && (request as unknown as Http2ServerRequest).aborted;
}

/**
 * What emits `close` when an answer is over. The answer to a HEAD over HTTP/2 emits none where its client leaves before
 * Node was told that it ends; its stream does.
 */
export function whatCloses(response: ServerResponse): EventEmitter {
  return isHttp2(response.req) ? (response as unknown as Http2ServerResponse).stream : response;
}

/** Whether the client had the whole answer. A stream of HTTP/2 that was reset counts as finished for Node. */
export function isAnswered(response: ServerResponse): boolean {
  if (!isHttp2(response.req)) return response.writableFinished;
  const { writableEnded, stream } = response as unknown as Http2ServerResponse;
  // The answer to a HEAD ends with its headers.
  const isComplete = writableEnded || (response.req.method === 'HEAD' && stream.headersSent);
  return isComplete && stream.writableFinished && !stream.rstCode;
}
