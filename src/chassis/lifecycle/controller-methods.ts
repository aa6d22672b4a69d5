import type { Type } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { methodsOn, type Method } from './methods-of.js';

/** A method of a controller, its own or inherited. */
export interface ControllerMethod {
  readonly controller: Type;
  readonly name: string;
  readonly method: Method;
}

/** Those of every controller: what serves calls, and what does not. */
export function controllerMethods(discovery: DiscoveryService): ControllerMethod[] {
  return discovery.getControllers().flatMap(({ metatype }) => {
    const controller = metatype as Type;
    return [...methodsOn(controller.prototype)].map(([name, method]) => ({ controller, name, method }));
  });
}
