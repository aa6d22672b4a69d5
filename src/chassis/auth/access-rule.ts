import type { Type } from '@nestjs/common';
import { requirementsOf, type AccessPolicy, type Requirement } from './access.decorators.js';

/** What a handler asks of its caller, from its own decorators and its controller's. */
export interface AccessRule {
  /** Nobody has to say who calls. */
  readonly isPublic: boolean;
  /** All of these. */
  readonly scopes: readonly string[];
  /** One of each. */
  readonly roles: readonly (readonly string[])[];
  /** All of these. */
  readonly policies: readonly Type<AccessPolicy>[];
}

/** @throws {TypeError} when a handler or a controller is public and asks for something */
export function readAccessRule(controller: Type, handler: object): AccessRule {
  const own = requirementsOf(handler);
  const inherited = requirementsOf(controller);
  checkConsistent(controller.name, inherited);
  checkConsistent(`${controller.name}.${(handler as { readonly name?: string }).name ?? ''}`, own);
  // What is nearer decides: @Public() on the handler lifts everything, anything else there lifts @Public() above.
  const isPublic = own.length > 0 ? isOpen(own) : isOpen(inherited);
  const all = isPublic ? [] : [...inherited, ...own];
  return {
    isPublic,
    scopes: [...new Set(all.flatMap((one) => (one.kind === 'scopes' ? one.names : [])))],
    roles: all.flatMap((one) => (one.kind === 'roles' ? [one.names] : [])),
    policies: all.flatMap((one) => (one.kind === 'policy' ? [one.policy] : [])),
  };
}

function isOpen(requirements: readonly Requirement[]): boolean {
  return requirements.some(({ kind }) => kind === 'public');
}

function checkConsistent(name: string, requirements: readonly Requirement[]): void {
  if (isOpen(requirements) && requirements.some(({ kind }) => kind !== 'public'))
    throw new TypeError(`${name} is @Public() and asks for scopes, roles or a policy; remove one of them`);
}
