/** Any method, whatever it takes. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** The methods of an instance, inherited ones too, the most derived of each name; never a getter's value. */
export function methodsOf(instance: object): Map<string, Method> {
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
