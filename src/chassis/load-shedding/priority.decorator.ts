import 'reflect-metadata';
import { PRIORITIES, type Priority as PriorityClass } from '../context/index.js';

const PRIORITY = Symbol('chassis.priority');

/**
 * How important a handler is, or each handler of a controller, over REST and gRPC alike: under overload calls
 * that are `sheddable` are refused first and `critical` ones last. What stands on the handler counts more than
 * what stands on its controller, and LOAD_SHEDDING_PRIORITIES more than both.
 * @throws {TypeError} when it is no priority
 *
 * @example
 * ```ts
 * @Priority('critical')
 * @Post('payments')
 * pay(…) { … }
 * ```
 */
export function Priority(priority: PriorityClass): ClassDecorator & MethodDecorator {
  if (!PRIORITIES.includes(priority))
    throw new TypeError(`@Priority('${priority}'): must be ${PRIORITIES.join(', ')}`);
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor): void =>
    Reflect.defineMetadata(PRIORITY, priority, (descriptor?.value as object | undefined) ?? target);
}

/** What is said of a controller's class, of one that it extends, or of a handler. */
export function priorityOf(target: object): PriorityClass | undefined {
  return Reflect.getMetadata(PRIORITY, target) as PriorityClass | undefined;
}
