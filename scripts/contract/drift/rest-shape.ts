import {
  resolve,
  withoutNull,
  type Content,
  type LocatedOperation,
  type OpenApi,
  type Schema,
} from '../open-api.ts';
import { camelCase, constantCase, objectOf, type Field, type OperationShape, type Shape } from './shape.ts';

/**
 * The shape of a REST operation: parameters of path and query and the fields of the body are its request.
 * Headers are left out: they are HTTP's own (conditions, idempotency, credentials).
 */
export function restShape(document: OpenApi, operation: LocatedOperation): OperationShape {
  const place = `${operation.method.toUpperCase()} ${operation.path}`;
  return { place, request: requestOf(document, operation), response: responseOf(document, operation) };
}

function requestOf(
  document: OpenApi,
  { operationId = '', parameters = [], requestBody }: LocatedOperation,
): Shape {
  const fields = new Map<string, Field>();
  for (const { name, in: where, required = false, schema = {} } of parameters)
    if (where === 'path' || where === 'query')
      fields.set(camelCase(name), { shape: shapeOf(document, schema), isRequired: required });
  const body = schemaOf(requestBody?.content);
  if (!body) return objectOf(operationId, fields);
  const shape = shapeOf(document, body);
  if (shape.kind !== 'object') fields.set('body', { shape, isRequired: requestBody?.required ?? false });
  else for (const [name, field] of shape.fields()) fields.set(name, field);
  return objectOf(operationId, fields);
}

function responseOf(document: OpenApi, { operationId = '', responses = {} }: LocatedOperation): Shape {
  const success = Object.keys(responses).filter((status) => status.startsWith('2'));
  const schemas = success.toSorted().map((status) => schemaOf(responses[status]?.content));
  const schema = schemas.find((found) => found !== undefined);
  return schema ? shapeOf(document, schema) : objectOf(operationId, new Map());
}

function schemaOf(content: Content = {}): Schema | undefined {
  return Object.entries(content).find(([type]) => /\bjson$/.test(type))?.[1].schema;
}

function shapeOf(document: OpenApi, reference: Schema): Shape {
  const schema = withoutNull(document, resolve(document, reference));
  const type = [schema.type ?? []].flat().find((name) => name !== 'null');
  if (schema.enum ?? 'const' in schema) return enumOf(schema);
  if (type === 'array') return { kind: 'list', of: shapeOf(document, schema.items ?? {}) };
  if (schema.properties) return structure(document, schema, reference.$ref ?? '');
  if (typeof schema.additionalProperties === 'object')
    return { kind: 'map', of: shapeOf(document, schema.additionalProperties) };
  if (type === 'string') return { kind: 'scalar', type: text(schema) };
  if (type === 'integer' || type === 'number' || type === 'boolean') return { kind: 'scalar', type };
  return type === 'object' && schema.additionalProperties === false
    ? objectOf('', new Map())
    : { kind: 'any' };
}

/** An object whose fields are read when they are asked for: schemas may contain themselves. */
function structure(document: OpenApi, { properties = {}, required = [] }: Schema, id: string): Shape {
  const fields = () =>
    new Map(
      Object.entries(properties).map(([name, schema]) => [
        camelCase(name),
        { shape: shapeOf(document, schema), isRequired: required.includes(name) },
      ]),
    );
  return { kind: 'object', id, fields };
}

function enumOf({ enum: values, const: only }: Schema): Shape {
  const texts = (values ?? [only]).filter((value) => typeof value === 'string');
  return texts.length === 0 ? { kind: 'any' } : { kind: 'enum', values: texts.map(constantCase) };
}

function text({ format, contentEncoding }: Schema) {
  if (format === 'date-time') return 'time';
  if (format === 'duration') return 'duration';
  return format === 'byte' || format === 'binary' || contentEncoding === 'base64' ? 'bytes' : 'string';
}
