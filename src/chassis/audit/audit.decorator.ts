import 'reflect-metadata';
import type { Observable } from 'rxjs';

const AUDIT = Symbol('chassis.audit');
const ACTION = /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/;

/** What an audited method may return; another value is refused by the compiler, since its caller has to wait. */
type Result<Value> = Promise<Value> | AsyncIterable<Value> | Observable<Value>;

export interface AuditOptions<Args extends unknown[], Value> {
  /**
   * What the action is done to, from the method's arguments.
   * @default none
   */
  readonly target?: (...args: Args) => string | undefined;
  /**
   * The same from what the method answered, for what it makes; wins over `target`.
   * @default none
   */
  readonly targetOfResult?: (value: Value) => string | undefined;
  /**
   * Further facts, from the method's arguments. Secrets by name are redacted.
   * @default none
   */
  readonly detail?: (...args: Args) => Readonly<Record<string, unknown>>;
  /**
   * Writes an entry before the work too: then a crash half-way leaves a trace. Streams always do.
   * @default false
   */
  readonly begin?: boolean;
}

/** What `@Audit` says of a method. */
export interface AuditMark extends AuditOptions<unknown[], unknown> {
  readonly action: string;
}

/**
 * Records every call of a method in the audit trail: who, what, on which, with which result. Its caller has
 * the answer when the entry is durable. On a handler of either transport it also records the calls that
 * were refused before it; a handler whose work is recorded by a method below it, under the same action,
 * adds no second entry.
 *
 * @param action lower-case words with dots between them, the same for the same action everywhere
 * @throws {TypeError} when `action` is malformed
 *
 * @example
 * ```ts
 * @Audit('orders.cancel', { target: ({ id }: CancelOrder) => id })
 * async cancel(order: CancelOrder): Promise<Order> { … }
 * ```
 */
export function Audit<Args extends unknown[] = never[], Value = unknown>(
  action: string,
  options: AuditOptions<Args, Value> = {},
) {
  if (!ACTION.test(action))
    throw new TypeError(
      `@Audit('${action}'): an action is lower-case words with dots, such as orders.cancel`,
    );
  return <Method extends (...args: Args) => Result<Value>>(
    _target: object,
    _key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    Reflect.defineMetadata(AUDIT, { ...options, action }, descriptor.value as object);
  };
}

/** What a method is marked with, `undefined` when it is not. */
export function auditMarkOf(method: object): AuditMark | undefined {
  return Reflect.getOwnMetadata(AUDIT, method) as AuditMark | undefined;
}
