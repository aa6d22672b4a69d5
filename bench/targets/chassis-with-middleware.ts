/** The chassis' service with a middleware that does nothing, before and after each call; MIDDLEWARES switches it. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { enableCompileCache } from 'node:module';

enableCompileCache();
const [{ runService }, { Middleware }, { ItemsModule }] = await Promise.all([
  import('#chassis'),
  import('#chassis/middleware'),
  import('./items.js'),
]);

@Middleware({ name: 'nothing' })
class NothingMiddleware {
  preHandle(): void {}

  postHandle(): void {}
}

@Module({ imports: [ItemsModule], providers: [NothingMiddleware] })
class BenchModule {}

await runService({ module: BenchModule, root: new URL('../../../', import.meta.url) });
