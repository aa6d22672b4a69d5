import { Middleware, type CallMiddleware, type MiddlewareContext } from '#chassis/middleware';

/** Breaks where the caller wants it to. */
@Middleware({ name: 'observed', routes: ['/observed/*'] })
export class ObservedMiddleware implements CallMiddleware {
  preHandle(): void {}

  postHandle({ call }: MiddlewareContext): void {
    if (call.transport === 'http' && call.target.endsWith('fails=yes')) throw new TypeError('broken');
  }
}
