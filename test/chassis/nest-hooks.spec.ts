import { Module, type MiddlewareConsumer } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { currentCall } from '#chassis/context';
import type { HttpAdapter } from '#chassis/http';
import { order, ProbeModule, TestApp } from '../support/index.js';
import { sendRaw } from '../support/raw-http.js';

const seen: string[] = [];

/** Asks Nest's adapter for what the chassis has no use for itself. */
@Module({ imports: [ProbeModule] })
class AskingModule {
  constructor(host: HttpAdapterHost<HttpAdapter>) {
    const adapter = host.httpAdapter;
    adapter.setOnRequestHook((request, _reply, done) => {
      seen.push(`request ${(request as FastifyRequest).method} ${currentCall() !== undefined}`);
      done();
    });
    adapter.setOnResponseHook((_request, reply, done) => {
      seen.push(`response ${(reply as FastifyReply).statusCode}`);
      done();
    });
    adapter.registerSecurityHook((request, response) => {
      if ((request as FastifyRequest).headers['x-refuse'] !== undefined) return new Error('refused');
      response.setHeader('x-secured', 'yes');
      return undefined;
    });
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_request: IncomingMessage, _response: unknown, next: () => void) => {
        seen.push('middleware');
        next();
      })
      .forRoutes('*path');
  }
}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ imports: [AskingModule] });
});
afterAll(() => app.stop());

test('the hooks of a request run in the call and before its middlewares, that of the response after it', async () => {
  seen.length = 0;
  const { status, headers } = await app.http.post('/probe', order('echo'));
  expect([status, headers.get('x-secured')]).toEqual([200, 'yes']);
  await expect.poll(() => seen).toEqual(['request POST true', 'middleware', 'response 200']);
});

test('a hook that fails ends the request before the next one', async () => {
  seen.length = 0;
  const { status } = await app.http.get('/probe/echo', { 'x-refuse': 'yes' });
  expect(status).toBe(500);
  await expect.poll(() => seen).toEqual(['request GET true', 'response 500']);
});

test('no middleware is passed by with a target that is no path', async () => {
  seen.length = 0;
  const { status } = await sendRaw(app.http.address, 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(status).toBe(404);
  expect(seen).not.toContain('middleware');
});
