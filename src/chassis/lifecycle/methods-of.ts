/** Any method, whatever it takes. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The methods of an instance, inherited ones too, the most derived of each name; never a getter's value. */
export function methodsOf(instance: object): Map<string, Method> {
  return methodsOn(Object.getPrototypeOf(instance));
}

/** The same by the prototype of a class. */
export function methodsOn(prototype: unknown): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (let level = prototype; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) {
      const { value } = Object.getOwnPropertyDescriptor(level, name) as TypedPropertyDescriptor<unknown>;
      if (typeof value === 'function' && name !== 'constructor' && !methods.has(name))
        methods.set(name, value as Method);
    }
  }
  return methods;
}
