import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import 'reflect-metadata';
import { types } from 'node:util';
import { Observable } from 'rxjs';
import { isHandler, type Method } from '../lifecycle/index.js';

/** What a method answers with; a handler may answer with anything, since its transport waits. */
export type MethodKind = 'handler' | 'promise' | 'iterable' | 'observable';

/** Methods that may be done twice: RFC 9110, section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);

/** `undefined` where it cannot be told that the caller waits. @param original the method as it was written */
export function kindOf(
  prototype: object,
  name: string,
  method: Method,
  original: Method,
): MethodKind | undefined {
  if (isHandler(method)) return 'handler';
  if (types.isGeneratorFunction(original)) return types.isAsyncFunction(original) ? 'iterable' : undefined;
  if (types.isAsyncFunction(original)) return 'promise';
  const returned: unknown = Reflect.getMetadata('design:returntype', prototype, name);
  if (returned === Promise) return 'promise';
  return returned === Observable ? 'observable' : undefined;
}

/** Whether a handler serves a method of HTTP that may be done twice. */
export function isIdempotentRoute(method: Method): boolean {
  const verb = Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod | undefined;
  return verb !== undefined && isIdempotentVerb(RequestMethod[verb]);
}

export function isIdempotentVerb(verb: string): boolean {
  return IDEMPOTENT.has(verb);
}

/** Whether a handler takes a stream: what was read of it cannot be read again. */
export function takesStream(method: Method): boolean {
  const extras = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, method) as
    { definition?: { requestStream?: boolean } } | undefined;
  return extras?.definition?.requestStream === true;
}
