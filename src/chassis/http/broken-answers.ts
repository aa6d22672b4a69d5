import { Logger } from '@nestjs/common';
import { RouterResponseController } from '@nestjs/core/router/router-response-controller.js';
import { LogController, type FastifyReply, type FastifyRequest } from 'fastify';
import { constants, type Http2ServerResponse } from 'node:http2';
import { currentCall, HttpCall, runInCall } from '../context/index.js';
import { statusOf, toServiceError } from '../errors/index.js';
import { isHttp2 } from './http2-request.js';

/** The steps of Nest's that send streamed answers and event streams. */
type Send = (this: object, ...all: unknown[]) => Promise<unknown>;

const logger = new Logger('HttpEdge');
const router = RouterResponseController.prototype as unknown as { stream: Send; sse: Send };
const { stream, sse } = router;

/**
 * Told by Fastify of what an answer is streamed from and fails half-way, when the status is out. The call ends with that
 * failure. Over HTTP/1.1 the last chunk is missing then; over HTTP/2 Fastify would end the stream without an error,
 * and its client would take half an answer for all of it.
 */
export class BrokenAnswers extends LogController {
  override streamError(fault: Error, request: FastifyRequest, { raw }: FastifyReply): void {
    const call = request.call as HttpCall | undefined;
    // Its client has left, or its time is over: then the answer has ended for that, and what it came from with it.
    if (!call || call.abortReason) return;
    failLate(call, fault);
    if (isHttp2(request.raw))
      (raw as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/**
 * Nest writes a line of its own for what an answer is streamed from and fails half-way. Of an iteration Fastify tells
 * the same; of an event stream, which ends with an event `error` then, that line is all that is told, so it is taken
 * here for the failure of its call.
 */
export function hearOfLateFailures(): void {
  router.stream = function (...all) {
    return stream.apply(
      Object.create(this, { logger: { value: { error: () => undefined } } }) as object,
      all,
    );
  };
  router.sse = function (...all) {
    const call = currentCall();
    if (!(call instanceof HttpCall)) return sse.apply(this, all);
    const error = (fault: unknown): void => failLate(call, fault);
    const warn = (message: string): void => logger.warn(message);
    return sse.apply(Object.create(this, { logger: { value: { error, warn } } }) as object, all);
  };
}

/** A call whose end is known already is told of in the log alone. */
function failLate(call: HttpCall, fault: unknown): void {
  const error = toServiceError(fault);
  if (error.code === 'INTERNAL') runInCall(call, () => logger.error({ err: error.cause }, 'call failed'));
  if (call.abortReason) return;
  call.error ??= error;
  call.code = call.error.code;
  call.status = statusOf(call.error);
}
