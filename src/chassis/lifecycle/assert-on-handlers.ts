import type { Type } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { isHandler } from './is-handler.js';
import { methodsOn } from './methods-of.js';

/**
 * For decorators that tell guards something about a call. Guards stand before the handlers of controllers only:
 * anywhere else such a decorator would be believed, and do nothing.
 * @param nameOf the decorator above a class or a method, such as `@Scopes`; `undefined` without it
 * @throws {TypeError} naming the decorator and where it stands
 */
export function assertOnHandlers(
  discovery: DiscoveryService,
  nameOf: (holder: object) => string | undefined,
): void {
  const controllers = new Set(discovery.getControllers().map(({ metatype }) => metatype));
  const providers = discovery.getProviders().map(({ metatype }) => metatype);
  for (const metatype of new Set([...controllers, ...providers])) {
    if (!isClass(metatype)) continue;
    const isController = controllers.has(metatype);
    if (!isController) refuse(nameOf(metatype), metatype.name, 'controller');
    for (const [key, method] of methodsOn(metatype.prototype))
      if (!isController || !isHandler(method))
        refuse(nameOf(method), `${metatype.name}.${key}`, 'handler of a controller');
  }
}

/** What a factory makes has the factory there, or nothing. */
function isClass(metatype: unknown): metatype is Type {
  return typeof metatype === 'function' && typeof metatype.prototype === 'object';
}

function refuse(decorator: string | undefined, where: string, needed: string): void {
  if (decorator !== undefined)
    throw new TypeError(
      `${decorator} stands on ${where}, which is no ${needed}: no guard would ask for it there`,
    );
}
