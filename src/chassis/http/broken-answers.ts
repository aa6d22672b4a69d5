import { Logger } from '@nestjs/common';
import { LogController, type FastifyReply, type FastifyRequest } from 'fastify';
import { constants, type Http2ServerResponse } from 'node:http2';
import { runInCall, type HttpCall } from '../context/index.js';
import { httpStatusOf, toServiceError } from '../errors/index.js';
import { isHttp2 } from './http2-request.js';

const logger = new Logger('HttpEdge');

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
    const error = toServiceError(fault);
    call.error ??= error;
    call.status = error.httpStatus ?? httpStatusOf(error.code);
    if (error.code === 'INTERNAL') runInCall(call, () => logger.error({ err: error.cause }, 'call failed'));
    if (isHttp2(request.raw))
      (raw as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
