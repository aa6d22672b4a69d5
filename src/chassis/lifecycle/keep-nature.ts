import 'reflect-metadata';
import type { Method } from './methods-of.js';

/** Nest and other decorators find on a method that takes another's place what they would find on the old one. */
export function keepNature(method: Method, replacement: Method): Method {
  Object.defineProperty(replacement, 'name', { value: method.name });
  Object.defineProperty(replacement, 'length', { value: method.length });
  for (const key of Reflect.getMetadataKeys(method) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), replacement);
  }
  return replacement;
}
