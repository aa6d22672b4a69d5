import { applyDecorators, Injectable } from '@nestjs/common';
import 'reflect-metadata';
import type { CallMiddleware } from './call-middleware.js';
import type { StandardSchema } from './standard-schema.js';

const MIDDLEWARE = Symbol('chassis.middleware');
const TAGS = Symbol('chassis.tags');

/** What a middleware is and which calls it acts on. All of it but name and schema may be changed at run time. */
export interface MiddlewareOptions<Settings = unknown> {
  /** Stands in metrics, logs and paths: lower-case letters, digits and `-`, a letter first, 64 at most. */
  readonly name: string;
  /**
   * The highest is outermost: first before the handler, last after it. Among equals the name decides.
   * @default 0
   */
  readonly priority?: number;
  /**
   * Whether it acts before anybody has said so at run time.
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Route templates, `*` for any text.
   * @default every route, where there are no `rpcs` either
   */
  readonly routes?: readonly string[];
  /**
   * Of the routes: `POST`, `PUT` …; `GET` means HEAD, too.
   * @default every method
   */
  readonly methods?: readonly string[];
  /**
   * Such as `orders.v1.OrderService/*`.
   * @default every rpc, where there are no `routes` either
   */
  readonly rpcs?: readonly string[];
  /** @default both */
  readonly transports?: readonly ('http' | 'grpc')[];
  /**
   * Only handlers that bear one of them, by `@Tags` on the method or its class.
   * @default all
   */
  readonly tags?: readonly string[];
  /**
   * Validates the settings, at the start and when they change. Any Standard Schema, such as one of Zod's.
   * @default there are no settings
   */
  readonly settings?: StandardSchema<Settings>;
}

type MiddlewareClass<Settings> = abstract new (...args: never[]) => CallMiddleware<Settings>;

/**
 * Makes an injectable class a middleware: it stands around every handler that its options choose, of REST, unary
 * gRPC and streams alike. Provide it in a module. The options are checked when the service starts.
 *
 * @example
 * ```ts
 * @Middleware({ name: 'tenant', priority: 100, rpcs: ['orders.v1.*'], routes: ['/v1/orders*'] })
 * export class TenantMiddleware implements CallMiddleware {
 *   preHandle(context: MiddlewareContext): void {
 *     context.set(tenantState, tenantOf(context.header('x-tenant')));
 *   }
 * }
 * ```
 */
export function Middleware<Settings = never>(options: MiddlewareOptions<Settings>) {
  return (target: MiddlewareClass<Settings>): void => {
    applyDecorators(Injectable())(target);
    Reflect.defineMetadata(MIDDLEWARE, { ...options }, target);
  };
}

/** What a class is marked with, `undefined` when it is no middleware. */
export function middlewareOptionsOf(type: object): MiddlewareOptions | undefined {
  return Reflect.getOwnMetadata(MIDDLEWARE, type) as MiddlewareOptions | undefined;
}

/**
 * Words by which middlewares choose handlers; on a method, or on a class for all its methods. Several of these
 * decorators add up.
 */
export function Tags(...tags: readonly string[]): ClassDecorator & MethodDecorator {
  return (target: object, _key?: unknown, descriptor?: PropertyDescriptor): void => {
    const bearer = (descriptor?.value as object | undefined) ?? target;
    const others = (Reflect.getOwnMetadata(TAGS, bearer) as readonly string[] | undefined) ?? [];
    Reflect.defineMetadata(TAGS, [...others, ...tags], bearer);
  };
}

/** Those of a handler and its class. */
export function tagsOf(type: object, method: object): ReadonlySet<string> {
  const of = (target: object) => (Reflect.getMetadata(TAGS, target) as readonly string[] | undefined) ?? [];
  return new Set([...of(type), ...of(method)]);
}
