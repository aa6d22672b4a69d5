import 'reflect-metadata';
import { isHandler, keepNature, methodsOf, overlaid, overlay, type Method } from '../lifecycle/index.js';
import { guardHandler, guardMethod } from './guard-method.js';
import type { ManagedPolicy } from './managed-policy.js';
import { mergeOptions } from './merge-options.js';
import { isIdempotentRoute, kindOf, takesStream, type MethodKind } from './method-kind.js';
import { policyMarkOf, type PolicyMark } from './policy.decorators.js';
import type { PolicyOptions } from './policy-options.js';
import type { PolicyRegistry } from './policy-registry.js';

/** A method with what stands above it and its class. */
interface Guarded {
  readonly label: string;
  readonly kind: MethodKind;
  readonly name: string;
  readonly options: PolicyOptions;
  /** Something stands on the method itself. */
  readonly isMarked: boolean;
}

/**
 * Puts methods under the policies that their decorators name, as Nest hands each new instance through
 * `instrument.instanceDecorator`; and handlers under those that RESILIENCE_POLICIES lays over routes and rpcs.
 */
export class InstancePolicies {
  constructor(private readonly registry: PolicyRegistry) {}

  /** The same instance. @throws {TypeError} when a policy cannot be on a method */
  readonly decorate = (instance: unknown): unknown => {
    if (typeof instance !== 'object' || instance === null || !Object.isExtensible(instance)) return instance;
    const type: unknown = instance.constructor;
    if (typeof type !== 'function' || type === Object) return instance;
    const ofClass = policyMarkOf(type);
    const methods = methodsOf(instance);
    const isController = [...methods.values()].some(isHandler);
    for (const [name, original] of methods) {
      // Tracing and audit may have overlaid it, and have taken its metadata along.
      const method = overlaid(instance, name, original);
      const found = find(
        instance,
        type.name,
        name,
        method,
        original,
        isController ? onlyFor(ofClass, method) : ofClass,
      );
      const inner = found ? this.#guard(instance, method, found) : method;
      const value = isHandler(method) ? keepNature(method, guardHandler(this.registry.routed, inner)) : inner;
      if (value !== method) overlay(instance, name, value);
    }
    return instance;
  };

  #guard(instance: object, method: Method, { label, kind, name, options, isMarked }: Guarded): Method {
    const isKnown = kind === 'handler' ? isIdempotentRoute(method) : isMarked;
    const isStream = takesStream(method);
    if (isMarked) checkRepeats(label, options, isKnown, isStream);
    checkSteps(label, options, instance);
    const managed: ManagedPolicy = this.registry.manage(name, options);
    const mayRepeat = (): boolean => !isStream && (managed.isIdempotent ?? isKnown);
    return keepNature(method, guardMethod(managed.policy, kind, mayRepeat, method));
  }
}

/** Of a controller's methods a class decorator means the handlers. */
function onlyFor(mark: PolicyMark | undefined, method: Method): PolicyMark | undefined {
  return isHandler(method) ? mark : undefined;
}

/** @throws {TypeError} when a decorator stands on a method whose caller does not wait */
function find(
  instance: object,
  className: string,
  methodName: string,
  method: Method,
  original: Method,
  ofClass: PolicyMark | undefined,
): Guarded | undefined {
  const ofMethod = policyMarkOf(method);
  if (!ofClass && !ofMethod) return undefined;
  const label = `${className}.${methodName}`;
  const kind = kindOf(instance, methodName, method, original);
  if (!kind && !ofMethod) return undefined;
  if (!kind)
    throw new TypeError(
      `${label} has a policy and does not return a promise, nor an observable by its declared type, and is no ` +
        'async generator: make it async, or move the policy to who calls it',
    );
  return {
    label,
    kind,
    name: ofMethod?.name ?? ofClass?.name ?? label,
    options: mergeOptions(ofClass?.options ?? {}, ofMethod?.options ?? {}),
    isMarked: ofMethod !== undefined,
  };
}

function checkRepeats(label: string, options: PolicyOptions, isKnown: boolean, isStream: boolean): void {
  if (!options.retry && !options.hedge) return;
  if (isStream)
    throw new TypeError(
      `${label} takes a stream, which cannot be read twice: it can have neither @Retry nor @Hedge`,
    );
  if (!isKnown && options.isIdempotent === undefined)
    throw new TypeError(
      `${label} has @Retry or @Hedge, but its calls are not known to be idempotent: say isIdempotent: true if ` +
        'they may be made twice, or leave it out',
    );
}

function checkSteps(label: string, { fallback }: PolicyOptions, instance: object): void {
  for (const { name, run } of fallback ?? []) {
    if (typeof run !== 'string' || typeof (instance as Record<string, unknown>)[run] === 'function') continue;
    throw new TypeError(
      `The step "${name}" of @Fallback on ${label} names the method ${run}, which does not exist`,
    );
  }
}
