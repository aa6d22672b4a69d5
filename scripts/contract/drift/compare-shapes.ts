import type { Field, Fields, OperationShape, Shape } from './shape.ts';

/** One point in which the transports differ. */
export interface Difference {
  /** Where, such as `request.items[].sku`. */
  readonly field: string;
  readonly problem: string;
}

/** Every point in which an operation is not the same on both transports. */
export function compareOperation(rest: OperationShape, grpc: OperationShape): Difference[] {
  return [
    ...compare('request', rest.request, withoutEnvelope(grpc.request, rest.request), []),
    ...compare('response', rest.response, withoutEnvelope(grpc.response, rest.response), []),
  ];
}

/**
 * gRPC answers `CreateOrderResponse { Order order = 1; }` where REST answers the order itself, and may ask
 * for `{ string parent; Order order; }`. A message that REST does not know by name is such an envelope when
 * it is the only one; its fields stand for it.
 */
function withoutEnvelope(grpc: Shape, rest: Shape): Shape {
  if (grpc.kind !== 'object') return grpc;
  const known = rest.kind === 'object' ? rest.fields() : new Map<string, Field>();
  const unknown = [...grpc.fields()].filter(([name]) => !known.has(name));
  const [[name, envelope] = ['']] = unknown;
  if (unknown.length !== 1 || !envelope) return grpc;
  const others = [...grpc.fields()].filter(([other]) => other !== name);
  if (envelope.shape.kind !== 'object')
    return others.length === 0 && rest.kind !== 'object' ? envelope.shape : grpc;
  const fields = new Map([...others, ...envelope.shape.fields()]);
  return { kind: 'object', id: grpc.id, fields: () => fields };
}

function compare(field: string, rest: Shape, grpc: Shape, seen: readonly string[]): Difference[] {
  if (rest.kind === 'any' || grpc.kind === 'any') return [];
  if (rest.kind === 'object' && grpc.kind === 'object') {
    const here = `${rest.id} ${grpc.id}`;
    return seen.includes(here) ? [] : compareFields(field, rest.fields(), grpc.fields(), [...seen, here]);
  }
  if (rest.kind === 'list' && grpc.kind === 'list') return compare(`${field}[]`, rest.of, grpc.of, seen);
  if (rest.kind === 'map' && grpc.kind === 'map') return compare(`${field}{}`, rest.of, grpc.of, seen);
  if (rest.kind === 'enum' && grpc.kind === 'enum') return compareValues(field, rest.values, grpc.values);
  if (rest.kind === 'scalar' && grpc.kind === 'scalar' && rest.type === grpc.type) return [];
  return [{ field, problem: `${nameOf(rest)} in REST, ${nameOf(grpc)} in gRPC` }];
}

function compareFields(path: string, rest: Fields, grpc: Fields, seen: readonly string[]): Difference[] {
  return [...new Set([...rest.keys(), ...grpc.keys()])].flatMap((name) => {
    const field = `${path}.${name}`;
    const [one, other] = [rest.get(name), grpc.get(name)];
    if (!one) return [{ field, problem: 'only in gRPC' }];
    if (!other) return [{ field, problem: 'only in REST' }];
    return [...comparePresence(field, one, other), ...compare(field, one.shape, other.shape, seen)];
  });
}

function comparePresence(field: string, rest: Field, grpc: Field): Difference[] {
  if (grpc.isRequired === undefined || rest.isRequired === grpc.isRequired) return [];
  const problem = grpc.isRequired
    ? 'optional in REST, always there in gRPC (no "optional")'
    : 'required in REST, "optional" in gRPC';
  return [{ field, problem }];
}

function compareValues(field: string, rest: readonly string[], grpc: readonly string[]): Difference[] {
  const only = (here: readonly string[], there: readonly string[], where: string) =>
    here
      .filter((value) => !there.includes(value))
      .map((value) => ({ field: `${field}=${value}`, problem: `a value only in ${where}` }));
  return [...only(rest, grpc, 'REST'), ...only(grpc, rest, 'gRPC')];
}

function nameOf(shape: Shape): string {
  return shape.kind === 'scalar' ? shape.type : shape.kind;
}
