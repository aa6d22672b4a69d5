import type { Type } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { assertOnHandlers, controllerMethods } from '../lifecycle/index.js';
import { requirementsOf, type AccessPolicy, type Requirement } from './access.decorators.js';
import { readAccessRule, type AccessRule } from './access-rule.js';

/** A rule whose policies can be asked. */
export interface ResolvedRule extends Omit<AccessRule, 'policies'> {
  readonly policies: readonly AccessPolicy[];
}

/** As Nest's context gives it. */
type Handler = Function;

/**
 * The rules of all handlers, each read once. By controller and handler: controllers that extend one
 * class share its handlers, not their decorators.
 */
export class AccessRules {
  readonly #rules = new Map<Type, WeakMap<Handler, ResolvedRule>>();

  constructor(private readonly moduleRef: ModuleRef) {}

  of(controller: Type, handler: Handler): ResolvedRule {
    return this.#rules.get(controller)?.get(handler) ?? this.#add(controller, handler);
  }

  /**
   * Reads the rules of every controller, so that what is wrong shows at the start.
   * @throws {TypeError} when a handler is public and asks for something, a policy cannot be asked, or a decorator
   *   stands where no guard is
   */
  readAll(discovery: DiscoveryService): void {
    assertOnHandlers(discovery, decoratorOf);
    for (const { controller, method } of controllerMethods(discovery)) this.of(controller, method);
  }

  #add(controller: Type, handler: Handler): ResolvedRule {
    const rule = readAccessRule(controller, handler);
    const policies = rule.policies.map((policy) => this.#resolve(policy, controller));
    const resolved = { ...rule, policies };
    const rules = this.#rules.get(controller) ?? new WeakMap<Handler, ResolvedRule>();
    this.#rules.set(controller, rules.set(handler, resolved));
    return resolved;
  }

  #resolve(policy: Type<AccessPolicy>, controller: Type): AccessPolicy {
    try {
      return this.moduleRef.get(policy, { strict: false });
    } catch (error) {
      throw new TypeError(
        `@Policy(${policy.name}) of ${controller.name} cannot be asked: it must be among the providers of its module, ` +
          'and neither request-scoped nor transient there',
        { cause: error },
      );
    }
  }
}

const DECORATORS: Readonly<Record<Requirement['kind'], string>> = {
  public: '@Public',
  scopes: '@Scopes',
  roles: '@Roles',
  policy: '@Policy',
};

function decoratorOf(holder: object): string | undefined {
  const [requirement] = requirementsOf(holder);
  return requirement && DECORATORS[requirement.kind];
}
