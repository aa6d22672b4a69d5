import type { Method } from './methods-of.js';

/** Lays a method over that of an instance's class, for this instance alone. */
export function overlay(instance: object, name: string, method: Method): void {
  Object.defineProperty(instance, name, {
    value: method,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

/** A method of an instance with what others have laid over `original`, that of its class. */
export function overlaid(instance: object, name: string, original: Method): Method {
  return (instance as Readonly<Record<string, Method>>)[name] ?? original;
}
