import {
  Catch,
  Injectable,
  Module,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Metadata } from '@grpc/grpc-js';
import { map, throwError, type Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServiceError } from '#chassis/errors';
import { ProbeModule, SHAPES, TestApp } from '../support/index.js';

/** Refuses calls that say `x-refuse`, whichever way they came. */
@Injectable()
class DoorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() === 'rpc')
      return context.switchToRpc().getContext<Metadata>().get('x-refuse').length === 0;
    return context.switchToHttp().getRequest<FastifyRequest>().headers['x-refuse'] === undefined;
  }
}

/** Marks every answer, every message of a stream. */
@Injectable()
class MarkInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler<{ reason: string }>): Observable<unknown> {
    return next.handle().pipe(map((answer) => ({ ...answer, reason: `marked-${answer.reason}` })));
  }
}

/** Rewrites one word in whatever comes in. */
@Injectable()
class WordPipe implements PipeTransform {
  transform(value: unknown): unknown {
    return isMessages(value) ? rewriteEach(value) : rewrite(value);
  }
}

function isMessages(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

async function* rewriteEach(values: AsyncIterable<unknown>): AsyncGenerator {
  for await (const value of values) yield rewrite(value);
}

function rewrite(value: unknown): unknown {
  return (value as { reason: string }).reason === 'swap'
    ? { ...(value as object), reason: 'swapped' }
    : value;
}

/** Gives one kind of error its own answer. */
@Catch(RangeError)
class RangeErrorFilter implements ExceptionFilter<RangeError> {
  catch(_error: RangeError, host: ArgumentsHost): unknown {
    const error = new ServiceError({
      code: 'OUT_OF_RANGE',
      reason: 'FILTERED',
      message: 'The filter was here',
    });
    if (host.getType() === 'rpc') return throwError(() => error);
    return host.switchToHttp().getResponse<FastifyReply>().send(error);
  }
}

/** Throws what the filter catches, after the handler, once for each shape of call. */
@Injectable()
class RangeInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler<{ reason: string }>): Observable<unknown> {
    return next.handle().pipe(
      map((answer) => {
        if (answer.reason === 'out-of-range') throw new RangeError('too far');
        return answer;
      }),
    );
  }
}

@Module({
  imports: [ProbeModule],
  providers: [
    { provide: APP_GUARD, useClass: DoorGuard },
    { provide: APP_INTERCEPTOR, useClass: MarkInterceptor },
    { provide: APP_INTERCEPTOR, useClass: RangeInterceptor },
    { provide: APP_PIPE, useClass: WordPipe },
    { provide: APP_FILTER, useClass: RangeErrorFilter },
  ],
})
class GlobalsModule {}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ imports: [GlobalsModule] });
});
afterAll(() => app.stop());

describe.each(SHAPES)('registered once, over $name', ({ call }) => {
  test('a guard lets pass', async () => {
    const { answers } = await call(app, 'echo');
    expect(answers).toContain('marked-echo');
  });

  test('a guard refuses', async () => {
    expect(await call(app, 'echo', { headers: { 'x-refuse': 'yes' } })).toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'FORBIDDEN',
    });
  });

  test('an interceptor changes every answer', async () => {
    const { answers } = await call(app, 'echo');
    expect(answers?.length).toBeGreaterThan(0);
    expect(answers?.every((answer) => answer === 'marked-echo')).toBe(true);
  });

  test('a pipe changes what comes in', async () => {
    const { answers } = await call(app, 'swap');
    expect(answers).toContain('marked-swapped');
  });

  test('a filter gives an error its answer', async () => {
    expect(await call(app, 'out-of-range')).toEqual({
      code: 'OUT_OF_RANGE',
      reason: 'FILTERED',
      message: 'The filter was here',
    });
  });
});
