import type { DiscoveryService } from '@nestjs/core';
import { methodsOf, type Method } from './methods-of.js';

/** Of a marked method whose instance is not lasting. */
export const NOT_LASTING =
  'belongs to a request-scoped or transient provider, of which there is none between calls';

/** A method of a provider or a controller that a decorator has marked. */
export interface MarkedMethod<Mark> {
  /** Class and method. */
  readonly name: string;
  readonly mark: Mark;
  /** Calls it as it is now, with all that was laid over it. */
  readonly call: (...args: readonly unknown[]) => unknown;
  /**
   * Whether the instance is there as long as the service runs. Of a provider that is request-scoped or transient, Nest
   * shows one that was never constructed.
   */
  readonly isLasting: boolean;
}

/** Those of every instance that there is, each once. @param markOf what the decorator left, `undefined` without it */
export function markedMethods<Mark>(
  discovery: DiscoveryService,
  markOf: (method: Method) => Mark | undefined,
): MarkedMethod<Mark>[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  const byInstance = new Map(wrappers.map((wrapper) => [wrapper.instance as unknown, wrapper]));
  return [...byInstance].flatMap(([instance, wrapper]): MarkedMethod<Mark>[] => {
    if (typeof instance !== 'object' || instance === null) return [];
    const methods = instance as Record<string, Method>;
    return [...methodsOf(instance)].flatMap(([key, method]): MarkedMethod<Mark>[] => {
      const mark = markOf(method);
      if (mark === undefined) return [];
      const name = `${instance.constructor.name}.${key}`;
      const isLasting = wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
      return [{ name, mark, call: (...args) => methods[key]?.(...args), isLasting }];
    });
  });
}
