import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import 'reflect-metadata';
import { auditMarkOf } from './audit.decorator.js';
import { auditHandler, auditProviderMethod, type Method } from './audit-method.js';
import type { AuditTrail } from './audit-trail.js';
import { Refusals } from './refusals.js';

/** The name under which a transport finds what is to be done with refused calls of an audited handler. */
export const AUDIT_OPTION = 'audit';

/**
 * Overlays the methods that bear `@Audit`, as Nest hands each new instance through
 * `instrument.instanceDecorator`. What bears none is left as it is and pays nothing.
 */
export class InstanceAuditor {
  /** How many methods are audited. */
  audited = 0;

  constructor(private readonly trail: AuditTrail) {}

  /** The same instance. */
  readonly decorate = (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null || !this.trail.isEnabled) return instance;
    for (const [name, original] of methodsOf(instance)) this.#overlay(instance, name, original);
    return instance;
  };

  #overlay(instance: object, name: string, original: Method): void {
    // Tracing may have overlaid it, and has taken the mark along.
    const method = (instance as Record<string, Method>)[name] ?? original;
    const mark = auditMarkOf(method);
    if (!mark) return;
    const isRpc = Reflect.hasMetadata(PATTERN_EXTRAS_METADATA, method);
    const isRoute = Reflect.hasMetadata(PATH_METADATA, method);
    const value =
      isRpc || isRoute
        ? auditHandler(this.trail, mark, method)
        : auditProviderMethod(this.trail, mark, method, original);
    const refusals = new Refusals(this.trail, mark.action);
    if (isRpc) addOption(PATTERN_EXTRAS_METADATA, refusals, value);
    if (isRoute) addOption(FASTIFY_ROUTE_CONFIG_METADATA, refusals, value);
    Object.defineProperty(instance, name, { value, writable: true, configurable: true, enumerable: false });
    this.audited += 1;
  }
}

function addOption(key: string, refusals: Refusals, method: Method): void {
  const options = Reflect.getMetadata(key, method) as object | undefined;
  Reflect.defineMetadata(key, { ...options, [AUDIT_OPTION]: refusals }, method);
}

/** The methods of an instance, inherited ones too, the most derived of each name; never a getter's value. */
function methodsOf(instance: object): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (
    let level: unknown = Object.getPrototypeOf(instance);
    level && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    for (const name of Object.getOwnPropertyNames(level)) {
      const { value } = Object.getOwnPropertyDescriptor(level, name) as TypedPropertyDescriptor<unknown>;
      if (typeof value === 'function' && name !== 'constructor' && !methods.has(name))
        methods.set(name, value as Method);
    }
  }
  return methods;
}
