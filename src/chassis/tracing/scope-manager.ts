import { ROOT_CONTEXT, type Context, type ContextManager } from '@opentelemetry/api';
import { AsyncResource } from 'node:async_hooks';
import { currentScope, runInScope, Scope } from '../context/index.js';

/** Lets OpenTelemetry's API read and set the chassis' own scope: one store for the call, the span and the rest. */
export class ScopeManager implements ContextManager {
  active(): Context {
    return currentScope() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return runInScope(Scope.from(context), () => work.apply(thisArg, args));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const bound = runInScope(Scope.from(context), () =>
      AsyncResource.bind(target as unknown as (...args: unknown[]) => unknown),
    );
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}
