import 'reflect-metadata';
import type { ConfigChange } from './config-changes.js';
import type { ChassisConfig } from './config.schema.js';

const KEYS = Symbol('chassis.on-config-change');

/**
 * Calls a provider's or a controller's method after each change of one of the keys, once every part of the service
 * has taken it: too late for a veto, for which there is `config.prepareChange`. Changes come one after the other: the
 * next one waits until what the method returns has ended. What it throws is logged and counted in
 * `config_listener_failures_total`, and changes nothing. It is not called from the moment on at which a drain takes no
 * new calls. The compiler knows the keys; one that no schema has, or that is not `live()`, keeps the service from
 * starting.
 *
 * @example
 * ```ts
 * @OnConfigChange<ConfigOf<typeof mailConfig>>('MAIL_LIMIT')
 * pace({ next, previous }: ConfigChange<ConfigOf<typeof mailConfig>>): void { … }
 * ```
 */
export function OnConfigChange<T extends object = ChassisConfig>(
  ...keys: [keyof NoInfer<T> & string, ...(keyof NoInfer<T> & string)[]]
) {
  return <Method extends (change: ConfigChange<T>) => unknown>(
    _target: object,
    _name: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => Reflect.defineMetadata(KEYS, keys, descriptor.value as object);
}

/** The keys whose changes a method is called after, `undefined` when it bears no `@OnConfigChange`. */
export function changeKeysOf(method: object): readonly string[] | undefined {
  return Reflect.getMetadata(KEYS, method) as readonly string[] | undefined;
}
