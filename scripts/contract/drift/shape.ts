/** A type that REST and gRPC both can tell, in words of neither. */
export type Shape =
  | { readonly kind: 'scalar'; readonly type: Scalar }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'object'; readonly id: string; readonly fields: () => Fields }
  /** Anything: a schema of unions, a `google.protobuf.Struct`. It fits whatever stands beside it. */
  | { readonly kind: 'any' };

export type Scalar = 'boolean' | 'bytes' | 'duration' | 'integer' | 'number' | 'string' | 'time';

export interface Field {
  readonly shape: Shape;
  /** `undefined` where the transport cannot say: a list or a message of proto3. */
  readonly isRequired: boolean | undefined;
}

/** Fields by their names in lowerCamelCase. */
export type Fields = ReadonlyMap<string, Field>;

/** One operation of one transport. */
export interface OperationShape {
  /** As people find it: `POST /v1/orders` or `orders.v1.OrderService/CreateOrder`. */
  readonly place: string;
  readonly request: Shape;
  /** A shape without fields where nothing is answered. */
  readonly response: Shape;
}

/** `page_size` and `page-size` as `pageSize`. */
export function camelCase(name: string): string {
  return name.replaceAll(/[_-]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `inProgress`, `in-progress` and `IN_PROGRESS` as `IN_PROGRESS`. */
export function constantCase(value: string): string {
  return value
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

/** An object of known fields. */
export function objectOf(id: string, fields: Fields): Shape {
  return { kind: 'object', id, fields: () => fields };
}
