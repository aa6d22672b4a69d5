import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { throwError, type Observable } from 'rxjs';
import { internalError } from '../errors/index.js';

/**
 * Hands what a handler, guard, pipe or interceptor threw to the transport edge, which maps and logs
 * it once: Fastify's error handler on REST, the gRPC server on gRPC.
 */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): Observable<never> | void {
    const error = thrown instanceof Error ? thrown : internalError(thrown);
    if (host.getType() === 'rpc') return throwError(() => error);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // A call that ran out of time has had its answer while its handler was still at work.
    if (!reply.sent) void reply.send(error);
  }
}
