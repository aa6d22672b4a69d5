import { Controller, Get, Module, StreamableFile, UseInterceptors } from '@nestjs/common';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { Readable } from 'node:stream';
import { map, type Observable } from 'rxjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestApp } from '../support/index.js';

/** Puts whatever the handler made into an object, as many services do with every answer. */
class Wrap {
  intercept(_context: unknown, next: { handle(): Observable<unknown> }): Observable<unknown> {
    return next.handle().pipe(map((data) => ({ data })));
  }
}

async function* lines(): AsyncGenerator<string> {
  yield 'one\n';
  yield 'two\n';
}

@Controller('results')
class ResultsController {
  @Get('object')
  object(): object {
    return { data: { plain: true } };
  }

  @Get('nothing')
  nothing(): void {}

  @Get('text')
  text(): string {
    return 'text';
  }

  @Get('lines')
  lines(): AsyncIterable<string> {
    return lines();
  }

  @Get('wrapped')
  @UseInterceptors(Wrap)
  wrapped(): AsyncIterable<string> {
    return lines();
  }

  @Get('response')
  response(): Response {
    return new Response('one\n', { status: 202, headers: { 'x-made': 'by hand' } });
  }

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(Readable.from(['one\n', 'two\n']));
  }
}

@Module({ controllers: [ResultsController] })
class ResultsModule {}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ imports: [ResultsModule] });
});
afterAll(() => app.stop());

test.each([
  ['object', 200, { data: { plain: true } }],
  ['nothing', 200, ''],
  ['text', 200, 'text'],
  ['lines', 200, 'one\ntwo\n'],
  ['wrapped', 200, 'one\ntwo\n'],
  ['response', 202, 'one\n'],
  ['file', 200, 'one\ntwo\n'],
])('%s is answered as Nest answers it', async (path, status, body) => {
  expect(await app.http.get(`/results/${path}`)).toMatchObject({ status, body });
});

test('this version of Nest has the step that is replaced', () => {
  expect(RouterExecutionContext.prototype).toHaveProperty('pickStreamingBody');
});
