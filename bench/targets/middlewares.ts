/** A handler that answers at once, called as it is and through pipelines, within a call as a service has one. */
import 'reflect-metadata';
import { Controller, Get, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Config, type ChassisConfig } from '#chassis/config';
import { HttpCall, runInCall } from '#chassis/context';
import { MetricsRegistry } from '#chassis/metrics';
import { createHandlerOverlay, Middleware, MiddlewareModule, Middlewares } from '#chassis/middleware';
import { tellCosts, type Work } from '../shared/costs.js';

@Middleware({ name: 'nothing' })
class NothingMiddleware {
  preHandle(): void {}

  postHandle(): void {}
}

@Controller()
class AnswerController {
  answers = 0;

  @Get()
  async answer(): Promise<number> {
    return ++this.answers;
  }
}

class BenchModule {
  readonly name = 'bench';
}

/** A controller as Nest hands it out in a service whose MIDDLEWARES say so. */
async function controllerWith(MIDDLEWARES: readonly object[], providers: DynamicModule['providers'] = []) {
  const middlewares = new Middlewares();
  const config = new Config(
    {
      MIDDLEWARES,
      PLUGINS_MANIFEST: '',
      PLUGINS_ALLOWED: '',
      MIDDLEWARE_INIT_TIMEOUT_MS: 1000,
    } as unknown as ChassisConfig,
    new Map(),
  );
  const module = {
    module: BenchModule,
    global: true,
    imports: [MiddlewareModule.forRoot(middlewares)],
    providers: [MetricsRegistry, { provide: Config, useValue: config }, ...providers],
    exports: [MetricsRegistry, Config],
  };
  await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  return createHandlerOverlay(middlewares)(new AnswerController()) as AnswerController;
}

const plain = new AnswerController();
const empty = await controllerWith([]);
const off = await controllerWith([{ name: 'nothing', enabled: false }], [NothingMiddleware]);
const on = await controllerWith([], [NothingMiddleware]);
await runInCall(new HttpCall('bench', 'GET', '/'), () =>
  tellCosts(
    new Map<string, Work>([
      ['none', () => plain.answer()],
      ['none-again', () => plain.answer()],
      ['empty', () => empty.answer()],
      ['off', () => off.answer()],
      ['nothing', () => on.answer()],
    ]),
  ),
);
