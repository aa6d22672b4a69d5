/**
 * The key of a value that belongs to one call, such as its tenant: whoever has the key reads and writes it with
 * its type, and nobody else can.
 */
export class CallState<T> {
  /** Of the type alone: a key for one type is none for another. */
  declare protected readonly held: T;

  constructor(
    /** Stands in messages. */
    readonly name: string,
  ) {}
}

/**
 * Makes the key of a value that belongs to one call.
 *
 * @example
 * ```ts
 * export const tenantState = callState<Tenant>('tenant');
 * call.set(tenantState, tenant);
 * const tenant = call.get(tenantState); // Tenant | undefined
 * ```
 */
export function callState<T>(name: string): CallState<T> {
  return new CallState<T>(name);
}
