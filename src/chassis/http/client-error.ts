import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import {
  acceptRequestId,
  HttpCall,
  REQUEST_ID_HEADER,
  runInCall,
  UNKNOWN_METHOD,
  type CallObservers,
} from '../context/index.js';
import { normalizeIp, type SecurityHeaders } from '../baseline/index.js';
import { ServiceError, toProblem } from '../errors/index.js';
import { requestTooSlow } from './request-too-slow.js';

/** Node's private fields: the answer that goes out on it, and the request whose bytes come in. */
type AnsweredSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
};

/** What a refusal is written to: the socket of HTTP/1.1, the answer of HTTP/2. */
type Refusable = EncryptedSocket | Http2ServerResponse;
type EncryptedSocket = Socket & { readonly encrypted?: boolean };

/** Node's code for headers or a body that did not arrive in time. */
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

/** Answers what Node's HTTP parser refused before there was a request; then the connection closes. */
export function answerClientErrors(observers: CallObservers, security: SecurityHeaders) {
  return (fault: NodeJS.ErrnoException, socket: Socket): void => {
    if (fault.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (isAnswering(socket)) socket.destroySoon();
    else if (!failCall(socket, fault.code, observers))
      refuse(
        socket,
        new HttpCall(acceptRequestId(undefined), UNKNOWN_METHOD, '/'),
        explain(fault.code),
        observers,
        security,
      );
  };
}

/**
 * Answers CONNECT, which Node hands over as a bare socket and otherwise closes without a word; of HTTP/2 it hands
 * over the answer.
 */
export function answerConnect(observers: CallObservers, security: SecurityHeaders) {
  return ({ headers }: IncomingMessage, answer: Refusable): void => {
    const call = new HttpCall(acceptRequestId(headers[REQUEST_ID_HEADER]), 'CONNECT', '/');
    const error = malformedRequest('This service is no proxy: it does not take CONNECT');
    if (!('stream' in answer)) watchReleased(answer);
    refuse(answer, call, error, observers, security, headers);
  };
}

/**
 * Node has taken its listeners from the socket of a CONNECT, and no longer counts it as the server's: a reset would
 * end the process.
 */
function watchReleased(socket: Socket): void {
  socket.on('error', () => {
    // A client that is gone needs no answer; the socket destroys itself.
  });
}

/** A call like any other for those who count and trace them, but without a request of Fastify's. */
function refuse(
  answer: Refusable,
  call: HttpCall,
  error: ServiceError,
  observers: CallObservers,
  security: SecurityHeaders,
  headers: IncomingHttpHeaders = {},
): void {
  const socket: EncryptedSocket | undefined = 'stream' in answer ? answer.stream.session?.socket : answer;
  call.clientIp = normalizeIp(socket?.remoteAddress ?? '');
  observers.opened(call, headers);
  call.error = error;
  call.code = error.code;
  call.status = error.httpStatus ?? 400;
  endWithProblem(answer, call, error, security, socket?.encrypted === true);
  call.close();
  runInCall(call, () => observers.closed(call));
}

function endWithProblem(
  answer: Refusable,
  { requestId, status }: HttpCall,
  error: ServiceError,
  security: SecurityHeaders,
  isSecure: boolean,
): void {
  const body = JSON.stringify(toProblem(error, { instance: '/', requestId }));
  const type = 'application/problem+json; charset=utf-8';
  if ('stream' in answer) {
    const fields = Object.fromEntries(security.fields(isSecure));
    answer.writeHead(status, { ...fields, 'content-type': type, [REQUEST_ID_HEADER]: requestId }).end(body);
    return;
  }
  answer.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `Content-Type: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      `${REQUEST_ID_HEADER}: ${requestId}\r\n` +
      (isSecure ? security.secureLines : security.plainLines) +
      `Connection: close\r\n\r\n${body}`,
  );
  // Node would run a request that still comes, and a client that leaves its side open would keep the socket.
  answer.destroySoon();
}

/**
 * A fault behind the headers, such as a transfer coding Node cannot read or a body that nobody wanted and
 * that never ends, may find its request answered already: a second answer would belong to no request.
 */
function isAnswering({ _httpMessage: response, parser }: AnsweredSocket): boolean {
  return response ? response.headersSent : parser?.incoming?.complete === false;
}

/**
 * A fault amid a request, such as a body that breaks off or is no chunk, has a call already: that one ends with it,
 * and there is no second one. False when the fault is of no call.
 */
function failCall({ parser }: AnsweredSocket, code: string | undefined, { open }: CallObservers): boolean {
  const request = parser?.incoming;
  if (!request || request.complete) return false;
  for (const call of open) {
    if (call.transport !== 'http' || call.response?.req !== request) continue;
    call.response.setHeader('connection', 'close');
    call.abort(explain(code));
    return true;
  }
  return false;
}

function explain(code: string | undefined): ServiceError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge();
    case REQUEST_TIMEOUT:
      return requestTooSlow();
    default:
      return malformedRequest('The request is not valid HTTP/1.1');
  }
}

/** More of headers than MAX_HEADER_BYTES. */
export function headersTooLarge(): ServiceError {
  return new ServiceError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'HEADERS_TOO_LARGE',
    httpStatus: 431,
    message: 'The header block is larger than this service accepts',
  });
}

/** The bytes of the request, but for its body, do not make sense. */
export function malformedRequest(message: string): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_REQUEST',
    httpStatus: 400,
    message,
  });
}
