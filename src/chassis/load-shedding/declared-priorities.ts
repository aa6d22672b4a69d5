import 'reflect-metadata';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { PATTERN_METADATA } from '@nestjs/microservices/constants.js';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import type { Priority } from '../context/index.js';
import { keepNature, methodsOf, overlaid, overlay, type Method } from '../lifecycle/index.js';
import { priorityOf } from './priority.decorator.js';

/** What Fastify keeps of a route. */
interface RouteConfig {
  readonly priority?: Priority;
}

/**
 * Reads `@Priority` of each controller that Nest makes, so that the transport edges know it before anything
 * of the call is read: Fastify has it in its route, the gRPC server by the rpc's path.
 */
export class DeclaredPriorities {
  /** By path, such as `/orders.v1.OrderService/CreateOrder`. */
  readonly rpcs = new Map<string, Priority>();

  /** For `instrument.instanceDecorator`, after everybody who overlays methods. The same instance. */
  readonly read = (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null) return instance;
    const ofClass = priorityOf(instance.constructor);
    for (const [name, original] of methodsOf(instance)) {
      const method = overlaid(instance, name, original);
      const priority = priorityOf(original) ?? priorityOf(method) ?? ofClass;
      if (priority !== undefined) this.#declare(instance, name, method, priority);
    }
    return instance;
  };

  #declare(instance: object, name: string, method: Method, priority: Priority): void {
    const patterns = Reflect.getMetadata(PATTERN_METADATA, method) as readonly string[] | undefined;
    for (const path of patterns ?? []) this.rpcs.set(path, priority);
    if (!Reflect.hasMetadata(PATH_METADATA, method)) return;
    const isShared = !Object.hasOwn(instance, name) && !Object.hasOwn(prototypeOf(instance), name);
    const handler = isShared ? copyOf(method) : method;
    const config = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) as object | undefined;
    Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { ...config, priority }, handler);
    if (isShared) overlay(instance, name, handler);
  }
}

/** What `@Priority` says of the route that has these options. */
export function declaredFor({ config }: FastifyRequest['routeOptions']): Priority | undefined {
  return (config as RouteConfig).priority;
}

function prototypeOf(instance: object): object {
  return Object.getPrototypeOf(instance) as object;
}

/** Controllers that extend one class share its handlers, not what is said of them. */
function copyOf(method: Method): Method {
  return keepNature(method, function (this: unknown, ...args) {
    return method.apply(this, args);
  });
}
