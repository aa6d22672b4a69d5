import {
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import {
  camelCase,
  constantCase,
  type Field,
  type OperationShape,
  type Scalar,
  type Shape,
} from './shape.ts';

/** Messages that stand for a plain value: https://protobuf.dev/reference/protobuf/google.protobuf/. */
const WELL_KNOWN: Readonly<Record<string, Shape>> = {
  'google.protobuf.Timestamp': { kind: 'scalar', type: 'time' },
  'google.protobuf.Duration': { kind: 'scalar', type: 'duration' },
  'google.protobuf.FieldMask': { kind: 'scalar', type: 'string' },
  'google.protobuf.StringValue': { kind: 'scalar', type: 'string' },
  'google.protobuf.BytesValue': { kind: 'scalar', type: 'bytes' },
  'google.protobuf.BoolValue': { kind: 'scalar', type: 'boolean' },
  'google.protobuf.DoubleValue': { kind: 'scalar', type: 'number' },
  'google.protobuf.FloatValue': { kind: 'scalar', type: 'number' },
  'google.protobuf.Int32Value': { kind: 'scalar', type: 'integer' },
  'google.protobuf.Int64Value': { kind: 'scalar', type: 'integer' },
  'google.protobuf.UInt32Value': { kind: 'scalar', type: 'integer' },
  'google.protobuf.UInt64Value': { kind: 'scalar', type: 'integer' },
  'google.protobuf.Any': { kind: 'any' },
  'google.protobuf.ListValue': { kind: 'any' },
  'google.protobuf.Struct': { kind: 'any' },
  'google.protobuf.Value': { kind: 'any' },
};

/** The shape of an rpc. */
export function grpcShape({ parent, name, input, output }: DescMethod): OperationShape {
  return { place: `${parent.typeName}/${name}`, request: messageOf(input), response: messageOf(output) };
}

function messageOf(message: DescMessage): Shape {
  const known = WELL_KNOWN[message.typeName];
  if (known) return known;
  const fields = () => new Map(message.fields.map((field) => [camelCase(field.jsonName), fieldOf(field)]));
  return { kind: 'object', id: message.typeName, fields };
}

function fieldOf(field: DescField): Field {
  switch (field.fieldKind) {
    case 'scalar':
      return { shape: { kind: 'scalar', type: scalarOf(field.scalar) }, isRequired: isAlwaysThere(field) };
    case 'enum':
      return { shape: enumOf(field.enum), isRequired: isAlwaysThere(field) };
    case 'message':
      return { shape: messageOf(field.message), isRequired: undefined };
    case 'list':
      return { shape: { kind: 'list', of: elementOf(field, field.listKind) }, isRequired: undefined };
    case 'map':
      return { shape: { kind: 'map', of: elementOf(field, field.mapKind) }, isRequired: undefined };
    default:
      return field satisfies never;
  }
}

function elementOf(
  { scalar, enum: values, message }: Pick<DescField, 'scalar' | 'enum' | 'message'>,
  kind: 'scalar' | 'enum' | 'message',
): Shape {
  if (kind === 'message' && message) return messageOf(message);
  if (kind === 'enum' && values) return enumOf(values);
  return scalar === undefined ? { kind: 'any' } : { kind: 'scalar', type: scalarOf(scalar) };
}

/** Of a field without presence nobody can tell that it was not set: it always has a value. */
function isAlwaysThere({ presence, oneof }: DescField): boolean | undefined {
  if (oneof !== undefined) return false;
  return presence !== Presence.EXPLICIT;
}

function enumOf({ values, sharedPrefix = '' }: DescEnum): Shape {
  const names = values
    .map(({ name }) => name.slice(name.toLowerCase().startsWith(sharedPrefix) ? sharedPrefix.length : 0))
    .filter((name) => name !== 'UNSPECIFIED');
  return { kind: 'enum', values: names.map(constantCase) };
}

function scalarOf(type: ScalarType): Scalar {
  switch (type) {
    case ScalarType.STRING:
      return 'string';
    case ScalarType.BYTES:
      return 'bytes';
    case ScalarType.BOOL:
      return 'boolean';
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 'number';
    default:
      return 'integer';
  }
}
