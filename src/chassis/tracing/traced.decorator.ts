import 'reflect-metadata';

const TRACED = Symbol('chassis.traced');

/**
 * Gives a class, or one method, spans of its own, also where the chassis would not: a provider of a
 * library, a class outside of the application's modules.
 */
export function Traced(): ClassDecorator & MethodDecorator {
  return mark(true);
}

/** Takes the spans of a class, or of one method. */
export function Untraced(): ClassDecorator & MethodDecorator {
  return mark(false);
}

/** What a decorator says of a class or a method, `undefined` when none does. */
export function tracedMark(target: object): boolean | undefined {
  return Reflect.getOwnMetadata(TRACED, target) as boolean | undefined;
}

function mark(isTraced: boolean): ClassDecorator & MethodDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    Reflect.defineMetadata(TRACED, isTraced, (descriptor?.value as object | undefined) ?? target);
  };
}
