import { methodsOf, overlay } from '../lifecycle/index.js';
import { tracedMark } from './traced.decorator.js';
import { traceMethod } from './trace-method.js';
import type { Tracer } from './tracer.js';

type Constructor = abstract new (...args: never[]) => object;

/** Nest's life cycle calls these once, outside of any call. */
const LIFE_CYCLE = new Set([
  'onModuleInit',
  'onModuleDestroy',
  'onApplicationBootstrap',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
]);
/** What makes a guard, an interceptor and a pipe. */
const ENHANCER_METHODS = ['canActivate', 'intercept', 'transform'];

export interface InstanceTracerOptions {
  /** The application's own classes: their methods get spans. */
  readonly classes: ReadonlySet<unknown>;
  /** Names such as `OrdersService` or `OrdersService.create` that get none. */
  readonly excluded: ReadonlySet<string>;
}

/**
 * Gives the methods of the application's instances spans in its own words, `OrdersService.create`, as
 * Nest hands each new instance through `instrument.instanceDecorator`. The instance stays the same
 * object; only methods that get a span are overlaid on it.
 */
export function createInstanceTracer(tracer: Tracer, { classes, excluded }: InstanceTracerOptions) {
  return (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null || !Object.isExtensible(instance)) return instance;
    const { constructor } = instance as { constructor?: Constructor };
    if (typeof constructor !== 'function' || constructor === Object || excluded.has(constructor.name))
      return instance;
    const byDefault = tracedMark(constructor) ?? (classes.has(constructor) || isEnhancer(instance));
    for (const [name, method] of methodsOf(instance)) {
      if (LIFE_CYCLE.has(name)) continue;
      const spanName = `${constructor.name}.${name}`;
      if (!(tracedMark(method) ?? byDefault) || excluded.has(spanName)) continue;
      overlay(instance, name, traceMethod(tracer, spanName, method));
    }
    return instance;
  };
}

function isEnhancer(instance: object): boolean {
  return ENHANCER_METHODS.some((name) => typeof (instance as Record<string, unknown>)[name] === 'function');
}
