import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config/index.js';
import {
  acceptRequestId,
  CallContext,
  currentCall,
  parseTimeoutMs,
  REQUEST_ID_HEADER,
  runInCall,
} from '../context/index.js';
import { callCancelled, deadlineExceeded, httpStatusOf, ServiceError, toProblem } from '../errors/index.js';
import { malformedRequest } from './client-error.js';
import { fromFastify } from './fastify-errors.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The call's context, from the first hook on; `currentCall()` gives the same. */
    call: CallContext;
  }
}

const TIMEOUT_HEADER = 'x-request-timeout-ms';
const logger = new Logger('HttpEdge');

/** Opens a context for every request, whatever becomes of it, and closes it with the response. */
export function openCallsOn(fastify: FastifyInstance, config: Config): void {
  const maxDeadlineMs = config.get('MAX_DEADLINE_MS');
  let isClosing = false;
  fastify.decorateRequest('call');
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const call = new CallContext('http', acceptRequestId(request.headers[REQUEST_ID_HEADER]));
    request.call = call;
    void reply.header(REQUEST_ID_HEADER, call.requestId);
    reply.raw.once('close', () => {
      call.close();
      if (!reply.raw.writableFinished) call.abort(callCancelled());
      // Node closes the connections that are idle when the server closes, not those that become idle later.
      if (isClosing) request.raw.socket.end();
    });
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      done(malformedRequest('The request has no Host header'));
      return;
    }
    const timeoutMs = timeoutOf(request, maxDeadlineMs);
    if (timeoutMs === undefined) {
      done(malformedTimeout());
      return;
    }
    call.onAborted = (reason) => answerDeadline(reply, reason);
    call.expireAfter(timeoutMs, deadlineExceeded);
    runInCall(call, done);
  });
  // Events of the socket that deliver a body run outside of the call: step in again before validation.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (currentCall() === request.call) done();
    else runInCall(request.call, done);
  });
}

/** Fastify's error handler: the one place where an error becomes an HTTP answer. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) return;
  const error = fromFastify(thrown);
  const status = error.httpStatus ?? httpStatusOf(error.code);
  const requestId = requestIdOf(request, reply);
  if (error.code === 'INTERNAL') logger.error({ err: error.cause, request_id: requestId }, 'call failed');
  if (error.retryAfterMs !== undefined)
    void reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
  void reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(toProblem(error, { instance: request.url.split('?', 1)[0] ?? '/', requestId }));
}

/** The router refuses a malformed URL before any hook has run: then there is no call yet. */
function requestIdOf(request: FastifyRequest, reply: FastifyReply): string {
  const call = request.call as CallContext | undefined;
  if (call) return call.requestId;
  const requestId = acceptRequestId(request.headers[REQUEST_ID_HEADER]);
  void reply.header(REQUEST_ID_HEADER, requestId);
  return requestId;
}

/** The caller's own time in milliseconds within the server's maximum; `undefined` when malformed. */
function timeoutOf(request: FastifyRequest, maxDeadlineMs: number): number | undefined {
  const header = request.headers[TIMEOUT_HEADER];
  if (header === undefined) return maxDeadlineMs;
  const timeoutMs = typeof header === 'string' ? parseTimeoutMs(header) : undefined;
  return timeoutMs === undefined ? undefined : Math.min(timeoutMs, maxDeadlineMs);
}

function answerDeadline(reply: FastifyReply, reason: Error): void {
  if (reason instanceof ServiceError && reason.code === 'DEADLINE_EXCEEDED' && !reply.sent)
    void reply.send(reason);
}

function malformedTimeout(): ServiceError {
  return new ServiceError({
    code: 'INVALID_ARGUMENT',
    reason: 'MALFORMED_DEADLINE',
    message: `${TIMEOUT_HEADER} must be a whole number of milliseconds with at most 10 digits`,
  });
}
