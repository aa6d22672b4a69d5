import { PATTERN_METADATA } from '@nestjs/microservices/constants.js';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import 'reflect-metadata';
import { methodsOf, overlaid, overlay, type Method } from '../lifecycle/index.js';
import { auditMarkOf } from './audit.decorator.js';
import { auditHandler, auditProviderMethod } from './audit-method.js';
import type { AuditTrail } from './audit-trail.js';
import { Refusals } from './refusals.js';

/**
 * Overlays the methods that bear `@Audit`, as Nest hands each new instance through
 * `instrument.instanceDecorator`. What bears none is left as it is and pays nothing.
 */
export class InstanceAuditor {
  /** How many methods are audited. */
  audited = 0;
  /** What is to be done with refused calls of audited rpcs, by path such as `/orders.v1.OrderService/CancelOrder`. */
  readonly rpcs = new Map<string, Refusals>();

  constructor(private readonly trail: AuditTrail) {}

  /** The same instance. */
  readonly decorate = (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null || !this.trail.isEnabled) return instance;
    for (const [name, original] of methodsOf(instance)) this.#overlay(instance, name, original);
    return instance;
  };

  #overlay(instance: object, name: string, original: Method): void {
    // Tracing may have overlaid it, and has taken the mark along.
    const method = overlaid(instance, name, original);
    const mark = auditMarkOf(method);
    if (!mark) return;
    const patterns = Reflect.getMetadata(PATTERN_METADATA, method) as readonly string[] | undefined;
    const isRoute = Reflect.hasMetadata(PATH_METADATA, method);
    const value =
      patterns || isRoute
        ? auditHandler(this.trail, mark, method)
        : auditProviderMethod(this.trail, mark, method, original);
    const refusals = new Refusals(this.trail, mark.action);
    for (const path of patterns ?? []) this.rpcs.set(path, refusals);
    if (isRoute) addToRouteConfig(refusals, value);
    overlay(instance, name, value);
    this.audited += 1;
  }
}

/** Fastify hands a route's configuration to `auditRefusedRequests`. */
function addToRouteConfig(audit: Refusals, method: Method): void {
  const config = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, method) as object | undefined;
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { ...config, audit }, method);
}
