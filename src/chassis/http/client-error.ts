import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import {
  acceptRequestId,
  HttpCall,
  REQUEST_ID_HEADER,
  runInCall,
  type CallObservers,
} from '../context/index.js';
import { ServiceError, toProblem } from '../errors/index.js';

/** What could not be parsed has no method: OpenTelemetry's name for it. */
const UNKNOWN_METHOD = '_OTHER';

/** Answers what Node's HTTP parser refused before there was a request; then the connection closes. */
export function answerClientErrors(observers: CallObservers) {
  return (fault: NodeJS.ErrnoException, socket: Socket): void => {
    if (fault.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const call = new HttpCall(acceptRequestId(undefined), UNKNOWN_METHOD, '/');
    call.clientIp = socket.remoteAddress;
    observers.opened(call, {});
    call.error = explain(fault.code);
    call.code = call.error.code;
    call.status = call.error.httpStatus ?? 400;
    answer(socket, call.error, call.requestId, call.status);
    call.close();
    runInCall(call, () => observers.closed(call));
  };
}

function answer(socket: Socket, error: ServiceError, requestId: string, status: number): void {
  const body = JSON.stringify(toProblem(error, { instance: '/', requestId }));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      'Content-Type: application/problem+json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      `${REQUEST_ID_HEADER}: ${requestId}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function explain(code: string | undefined): ServiceError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ServiceError({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'HEADERS_TOO_LARGE',
        httpStatus: 431,
        message: 'The header block is larger than this service accepts',
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ServiceError({
        code: 'DEADLINE_EXCEEDED',
        reason: 'REQUEST_TOO_SLOW',
        httpStatus: 408,
        message: 'The request took too long to arrive',
      });
    default:
      return new ServiceError({
        code: 'INVALID_ARGUMENT',
        reason: 'MALFORMED_REQUEST',
        httpStatus: 400,
        message: 'The request is not valid HTTP/1.1',
      });
  }
}
