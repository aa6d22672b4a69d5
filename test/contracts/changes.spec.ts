import { afterAll, describe, expect, test } from 'vitest';
import { compareContracts } from '../../scripts/contract/compare.js';
import { restChanges } from '../../scripts/contract/rest-changes.js';
import { PARCELS, type Json } from './parcels.openapi.js';
import { PARCELS_PROTO } from './parcels.proto.js';
import { ContractProject } from './project.js';

const project = ContractProject.released();
afterAll(() => project[Symbol.dispose]());

/** What changes, how, and whether a client of the release may fail. */
const REST: readonly (readonly [string, boolean, (document: Json) => void])[] = [
  ['nothing', false, () => {}],
  ['a description', false, (d) => (schema(d, 'Parcel').properties.name.description = 'What it is called')],
  ['a new path', false, (d) => (d.paths['/v1/vans'] = { get: { responses: { '200': { description: 'All' } } } })],
  ['a path removed', true, (d) => delete d.paths['/v1/parcels/{id}']],
  ['a path renamed', true, (d) => rename(d.paths, '/v1/parcels', '/v1/packages')],
  ['a method removed', true, (d) => delete d.paths['/v1/parcels/{id}'].delete],
  ['a method deprecated', false, (d) => (d.paths['/v1/parcels/{id}'].delete.deprecated = true)],
  ['a success status removed', true, (d) => rename(create(d).responses, '201', '202')],
  ['an error status added', false, (d) => (create(d).responses['409'] = { description: 'Exists' })],
  ['an error status removed', false, (d) => delete read(d).responses['404']],
  ['a request field removed', true, (d) => delete schema(d, 'NewParcel').properties.note],
  ['a request field renamed', true, (d) => rename(schema(d, 'NewParcel').properties, 'note', 'remark')],
  ['a request field of another type', true, (d) => (schema(d, 'NewParcel').properties.note = { type: 'integer' })],
  ['an optional request field added', false, (d) => (schema(d, 'NewParcel').properties.tag = { type: 'string' })],
  ['a required request field added', true, (d) => addRequired(schema(d, 'NewParcel'), 'tag')],
  ['an optional request field made required', true, (d) => schema(d, 'NewParcel').required.push('note')],
  ['a required request field made optional', false, (d) => (schema(d, 'NewParcel').required = ['name'])],
  ['a request enum value added', false, (d) => schema(d, 'NewParcel').properties.size.enum.push('huge')],
  ['a request enum value removed', true, (d) => schema(d, 'NewParcel').properties.size.enum.pop()],
  ['a request limit tightened', true, (d) => (schema(d, 'NewParcel').properties.name.maxLength = 50)],
  ['a request limit widened', false, (d) => (schema(d, 'NewParcel').properties.name.maxLength = 200)],
  ['a request limit added', true, (d) => (schema(d, 'NewParcel').properties.note.maxLength = 50)],
  ['a query parameter removed', true, (d) => list(d).parameters.shift()],
  ['an optional query parameter added', false, (d) => list(d).parameters.push(parameter('sort', false))],
  ['a required query parameter added', true, (d) => list(d).parameters.push(parameter('sort', true))],
  ['a required response field removed', true, (d) => drop(schema(d, 'Parcel'), 'name')],
  ['an optional response field removed', true, (d) => delete schema(d, 'Parcel').properties.note],
  ['a response field made optional', true, (d) => (schema(d, 'Parcel').required = ['id', 'size', 'sentAt'])],
  ['a response field of another type', true, (d) => (schema(d, 'Parcel').properties.name = { type: 'integer' })],
  ['a response field added', false, (d) => addRequired(schema(d, 'Parcel'), 'van')],
  ['a response enum value added', false, (d) => schema(d, 'Parcel').properties.size.enum.push('huge')],
  ['a response enum value removed', false, (d) => schema(d, 'Parcel').properties.size.enum.pop()],
  ['an open operation that asks for a caller', true, (d) => (list(d).security = [{ bearer: [] }])],
  ['an operation that asks for no caller any more', false, (d) => (create(d).security = [])],
  ['another credential', true, (d) => (create(d).security = [{ apiKey: ['parcels:write'] }])],
  ['another credential of the same name', true, (d) => (d.components.securitySchemes.bearer = d.components.securitySchemes.apiKey)],
  ['the same credential of another name', false, (d) => renameBearer(d)],
  ['one credential more beside the first', true, (d) => Object.assign(create(d).security[0], { apiKey: [] })],
  ['a further way to call', false, (d) => (create(d).security = [...create(d).security, { apiKey: [] }])],
  ['credentials for all operations that say nothing', true, (d) => (d.security = [{ bearer: [] }])],
  ['one scope less', false, (d) => (create(d).security = [{ bearer: [] }])],
  ['one scope more', true, (d) => (create(d).security = [{ bearer: ['parcels:write', 'parcels:admin'] }])],
];

/** Limits of a request for which oasdiff has no rule; `lines` is a list in it. */
const LIMITS: typeof REST = [
  ['a shorter list in a request', true, (d) => (lines(d).maxItems = 1)],
  ['a longer list in a request', false, (d) => (lines(d).maxItems = 200)],
  ['a list in a request without its limit', false, (d) => delete lines(d).maxItems],
  ['a list in a request whose items have to differ', true, (d) => (lines(d).uniqueItems = true)],
  ['a list in a request that may be null', false, (d) => (schema(d, 'NewParcel').properties.lines = orNull(lines(d)))],
  ['a shorter list in a request that may be null', true, (d) => (schema(d, 'NewParcel').properties.lines = orNull({ ...lines(d), maxItems: 1 }))],
  ['a limit for the fields of a request', true, (d) => (lines(d).items.maxProperties = 1)],
  ['more fields that have to be in a request', true, (d) => (lines(d).items.minProperties = 2)],
  ['fewer fields that have to be in a request', false, (d) => delete lines(d).items.minProperties],
  ['a coarser step in a request', true, (d) => (lines(d).items.properties.weight.multipleOf = 0.6)],
  ['a finer step in a request', false, (d) => (lines(d).items.properties.weight.multipleOf = 0.1)],
  ['no step in a request', false, (d) => delete lines(d).items.properties.weight.multipleOf],
  ['a request that takes no unknown fields any more', true, (d) => (lines(d).items.additionalProperties = false)],
  ['a request that takes unknown fields', false, (d) => delete schema(d, 'NewParcel').additionalProperties],
  ['a list of answers that becomes shorter', false, (d) => (schema(d, 'ParcelPage').properties.parcels.maxItems = 1)],
];

/** Replaced text, or a whole edit; then the same. */
const GRPC: readonly (readonly [string, boolean, (proto: string) => string])[] = [
  ['nothing', false, (p) => p],
  ['a comment only', false, (p) => p.replace('// Parcels on their way.', '// Parcels, wherever they are.')],
  ['a new rpc', false, (p) => after(p, 'service ParcelService {', '  rpc Weigh(GetParcelRequest) returns (Parcel);')],
  ['an rpc removed', true, (p) => without(p, 'rpc DeleteParcel')],
  ['an rpc renamed', true, (p) => p.replace('rpc GetParcel(', 'rpc ReadParcel(')],
  ['the request of an rpc', true, (p) => p.replace('GetParcel(GetParcelRequest)', 'GetParcel(DeleteParcelRequest)')],
  ['the response of an rpc', true, (p) => p.replace('returns (GetParcelResponse)', 'returns (Parcel)')],
  ['a server stream made unary', true, (p) => p.replace('returns (stream ', 'returns (')],
  ['a unary request made a stream', true, (p) => p.replace('(CreateParcelRequest)', '(stream CreateParcelRequest)')],
  ['a service renamed', true, (p) => p.replace('service ParcelService', 'service Parcels')],
  ['the package renamed', true, (p) => p.replace('package parcels.v1', 'package parcels.v2')],
  ['a field added', false, (p) => after(p, 'message Parcel {', '  string van = 6;')],
  ['a field removed', true, (p) => without(p, 'string name = 2;')],
  ['a field removed, its number and name reserved', true, (p) => after(without(p, 'string name = 2;'), 'message Parcel {', '  reserved 2;\n  reserved "name";')],
  ['a field renamed', true, (p) => p.replace('string name = 2;', 'string title = 2;')],
  ['a field of another type', true, (p) => p.replace('string name = 2;', 'bytes name = 2;')],
  ['a field that changes places', true, (p) => p.replace('string name = 2;', 'string name = 6;')],
  ['a number used again', true, (p) => p.replace('string name = 2;', 'int64 weight = 2;\n  string name = 6;')],
  ['a field made repeated', true, (p) => p.replace('string name = 2;', 'repeated string name = 2;')],
  ['a field moved into a oneof', true, (p) => p.replace('string name = 2;', 'oneof title {\n    string name = 2;\n  }')],
  ['a number reserved', false, (p) => after(p, 'message Parcel {', '  reserved 9;')],
  ['a message added', false, (p) => `${p}\nmessage Van {\n  string id = 1;\n}\n`],
  ['a message removed', true, (p) => without(p, 'rpc WatchParcels').replaceAll(/message WatchParcels\w+ \{[^}]*\}\n/g, '')],
  ['an enum value added', false, (p) => after(p, 'enum Size {', '  SIZE_HUGE = 3;', 'SIZE_LARGE = 2;')],
  ['an enum value removed', true, (p) => without(p, 'SIZE_LARGE = 2;')],
  ['an enum value renamed', true, (p) => p.replace('SIZE_LARGE', 'SIZE_BIG')],
];

describe('REST', () => {
  test.each(REST)('%s: breaking is %s', async (_name, isBreaking, change) => {
    const document = structuredClone(PARCELS);
    change(document);
    project.setOpenApi(document);
    const { rest, grpc, refusal } = await compareContracts(project.root);
    expect(rest.some((found) => found.isBreaking), JSON.stringify(rest)).toBe(isBreaking);
    expect(grpc).toEqual([]);
    expect(refusal !== undefined).toBe(isBreaking);
    project.setOpenApi(PARCELS);
  });
});

test.each(LIMITS)('%s: breaking is %s', async (_name, isBreaking, change) => {
  const base = structuredClone(PARCELS) as Json;
  schema(base, 'NewParcel').properties.lines = {
    type: 'array',
    maxItems: 100,
    items: {
      type: 'object',
      properties: { weight: { type: 'number', multipleOf: 0.3 } },
      minProperties: 1,
    },
  };
  const revision = structuredClone(base);
  change(revision);
  const changes = await restChanges(base, revision);
  expect(changes.some((found) => found.isBreaking), JSON.stringify(changes)).toBe(isBreaking);
});

const NUMBER = { type: 'integer' };
const TEXT = { type: 'string' };
const UUID = { type: 'string', format: 'uuid' };
const DATE = { type: 'string', format: 'date' };
const TIME = { type: 'string', format: 'date-time' };
const TEXTS = { type: 'array', items: TEXT };
const ONE = { type: 'string', const: 'small' };

/** Where a value is, its schema, and what becomes of it. */
const VALUES: readonly (readonly [string, (document: Json, value: Json) => void])[] = [
  ['a path parameter', (d, value) => (read(d).parameters[0].schema = value)],
  ['a query parameter', (d, value) => (list(d).parameters[0].schema = value)],
  ['a request field', (d, value) => (schema(d, 'NewParcel').properties.note = value)],
  ['a request field that may be null', (d, value) => (schema(d, 'NewParcel').properties.note = orNull(value))],
  ['an answer field', (d, value) => (schema(d, 'Parcel').properties.note = value)],
  ['an answer field that may be null', (d, value) => (schema(d, 'Parcel').properties.note = orNull(value))],
];
const KINDS: readonly (readonly [string, Json, Json, parameter: boolean, request: boolean, answer: boolean])[] = [
  ['a number that becomes a text', NUMBER, TEXT, false, true, true],
  ['a number that becomes a UUID', NUMBER, UUID, true, true, true],
  ['a list that becomes a text', TEXTS, TEXT, true, true, true],
  ['a text that becomes one value', TEXT, ONE, true, true, false],
  ['a date that becomes a time', DATE, TIME, true, true, true],
  ['a time that becomes a date', TIME, DATE, true, true, true],
  ['dates that become times', { type: 'array', items: DATE }, { type: 'array', items: TIME }, true, true, true],
];

describe.each(VALUES)('%s', (place, set) => {
  test.each(KINDS)('%s', async (_name, before, after, parameter, request, answer) => {
    const isBreaking = place.includes('parameter') ? parameter : place.includes('request') ? request : answer;
    const [base, revision] = [structuredClone(PARCELS) as Json, structuredClone(PARCELS) as Json];
    set(base, before);
    set(revision, after);
    const changes = await restChanges(base, revision);
    expect(changes.some((found) => found.isBreaking), JSON.stringify(changes)).toBe(isBreaking);
  });
});

test.each([
  ['another', { default: 'small' }, { default: 'large' }, true],
  ['no', { default: 'small' }, {}, true],
  ['a first', {}, { default: 'small' }, false],
])('%s default of a request field', async (_name, before, after, isBreaking) => {
  const [base, revision] = [before, after].map((value) => {
    const document = structuredClone(PARCELS) as Json;
    schema(document, 'NewParcel').properties.note = { type: 'string', ...value };
    return document;
  });
  const changes = await restChanges(base, revision);
  expect(changes.some((found) => found.isBreaking), JSON.stringify(changes)).toBe(isBreaking);
});

test('a schema that contains itself is compared once', async () => {
  const base = structuredClone(PARCELS) as Json;
  schema(base, 'NewParcel').properties.parts = { type: 'array', items: { $ref: '#/components/schemas/NewParcel' } };
  const revision = structuredClone(base);
  schema(revision, 'NewParcel').properties.parts.maxItems = 5;
  const changes = await restChanges(base, revision);
  expect(changes.map(({ text }) => text)).toContain('POST /v1/parcels: request.parts: maxItems unset became 5');
});

test('a shorter list in a query is told once', async () => {
  const [free, long, short] = [{}, { maxItems: 5 }, { maxItems: 3 }].map((limit) => {
    const document = structuredClone(PARCELS) as Json;
    list(document).parameters[1].schema = { type: 'array', items: { type: 'string' }, ...limit };
    return document;
  });
  expect(await restChanges(free, long)).toHaveLength(1);
  expect(await restChanges(long, short)).toHaveLength(1);
});

test.each([
  ['an operation', (d: Json) => list(d), (d: Json) => delete d.paths['/v1/parcels'].get],
  ['the only operation', (d: Json) => read(d), (d: Json) => delete d.paths['/v1/parcels/{id}']],
  ['a parameter', (d: Json) => list(d).parameters[0], (d: Json) => list(d).parameters.shift()],
])('%s removed after it was deprecated and past its sunset: breaking is true', async (_name, find, remove) => {
  const deprecated = structuredClone(PARCELS) as Json;
  Object.assign(find(deprecated), { deprecated: true, 'x-sunset': '2020-01-01' });
  const gone = structuredClone(deprecated);
  remove(gone);
  const changes = await restChanges(deprecated, gone);
  expect(changes.map(({ isBreaking }) => isBreaking)).toContain(true);
});

describe('gRPC', () => {
  test.each(GRPC)('%s: breaking is %s', async (name, isBreaking, change) => {
    const proto = change(PARCELS_PROTO);
    expect(proto === PARCELS_PROTO).toBe(name === 'nothing');
    project.setProto(proto);
    const { rest, grpc, refusal } = await compareContracts(project.root);
    expect(grpc.length > 0, JSON.stringify(grpc)).toBe(isBreaking);
    expect(rest).toEqual([]);
    expect(refusal !== undefined).toBe(isBreaking);
  });

  test('a file moved: breaking is true', async () => {
    project.setProto(PARCELS_PROTO, 'parcels/v1/parcel.proto');
    const { grpc } = await compareContracts(project.root);
    expect(grpc[0]?.text).toMatch(/parcels\/v1\/parcels\.proto" was deleted/);
  });
});

const schema = (document: Json, name: string): Json => document.components.schemas[name];
const lines = (document: Json): Json => schema(document, 'NewParcel').properties.lines;
const orNull = (one: Json) => ({ anyOf: [one, { type: 'null' }] });
const create = (document: Json): Json => document.paths['/v1/parcels'].post;
const list = (document: Json): Json => document.paths['/v1/parcels'].get;
const read = (document: Json): Json => document.paths['/v1/parcels/{id}'].get;
const parameter = (name: string, required: boolean) => ({ name, in: 'query', required, schema: { type: 'string' } });

function renameBearer(document: Json): void {
  rename(document.components.securitySchemes, 'bearer', 'token');
  const { delete: remove } = document.paths['/v1/parcels/{id}'];
  for (const operation of [create(document), remove]) operation.security = [{ token: ['parcels:write'] }];
}

function rename(object: Json, from: string, to: string): void {
  object[to] = object[from];
  delete object[from];
}

function addRequired(object: Json, name: string): void {
  object.properties[name] = { type: 'string' };
  object.required.push(name);
}

function drop(object: Json, name: string): void {
  delete object.properties[name];
  object.required = object.required.filter((other: string) => other !== name);
}

/** `line` after the line with `start`, or after that with `last` where the order counts. */
function after(text: string, start: string, line: string, last = start): string {
  return text.replace(last, `${last}\n${line}`);
}

function without(text: string, start: string): string {
  return text
    .split('\n')
    .filter((line) => !line.trim().startsWith(start))
    .join('\n');
}
