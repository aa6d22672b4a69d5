import { applyDecorators, type Type } from '@nestjs/common';
import 'reflect-metadata';
import type { CallContext, Principal } from '../context/index.js';

/** More than scopes and roles can say. A provider of the module that uses it, of which there is one for all calls. */
export interface AccessPolicy {
  /** Whether `principal` may make this call. A promise costs a turn of the event loop; answer at once where you can. */
  allows(principal: Principal, call: CallContext): boolean | Promise<boolean>;
}

/** One thing that a decorator asks for. */
export type Requirement =
  | { readonly kind: 'public' }
  | { readonly kind: 'scopes'; readonly names: readonly string[] }
  | { readonly kind: 'roles'; readonly names: readonly string[] }
  | { readonly kind: 'policy'; readonly policy: Type<AccessPolicy> };

const REQUIREMENTS = Symbol('chassis.requirements');

/**
 * Open to everybody: credentials are not looked at. On a handler it lifts what its controller asks for;
 * a handler that asks for something itself is not open because its controller is.
 */
export function Public(): ClassDecorator & MethodDecorator {
  return require({ kind: 'public' });
}

/**
 * The caller needs all of these scopes; those of the controller and those of the handler add up.
 *
 * @example
 * ```ts
 * @Scopes('orders:read')
 * @Get()
 * list() { … }
 * ```
 */
export function Scopes(...names: readonly [string, ...string[]]): ClassDecorator & MethodDecorator {
  return require({ kind: 'scopes', names });
}

/** The caller needs one of these roles; where controller and handler both ask, one of each. */
export function Roles(...names: readonly [string, ...string[]]): ClassDecorator & MethodDecorator {
  return require({ kind: 'roles', names });
}

/** The policy has to allow the call, after scopes and roles; where there are several, all of them. */
export function Policy(policy: Type<AccessPolicy>): ClassDecorator & MethodDecorator {
  return require({ kind: 'policy', policy });
}

/** What was asked for on a class, with the classes it extends, or on a handler. */
export function requirementsOf(target: object): readonly Requirement[] {
  return (Reflect.getMetadata(REQUIREMENTS, target) as readonly Requirement[] | undefined) ?? [];
}

function require(requirement: Requirement): ClassDecorator & MethodDecorator {
  return applyDecorators((target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const decorated = (descriptor?.value as object | undefined) ?? target;
    Reflect.defineMetadata(REQUIREMENTS, [...requirementsOf(decorated), requirement], decorated);
  });
}
