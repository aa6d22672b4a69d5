import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readContracts } from '../../scripts/contract/contracts.js';
import { findDrift } from '../../scripts/contract/drift/find-drift.js';
import { PARCELS, type Json } from './parcels.openapi.js';
import { PARCELS_PROTO } from './parcels.proto.js';
import { ContractProject } from './project.js';

let project: ContractProject;
beforeAll(() => {
  project = ContractProject.released();
});
afterEach(() => {
  project.git('checkout', '--quiet', '.');
  project.git('clean', '--quiet', '-fd');
});
afterAll(() => project[Symbol.dispose]());

type Change = { readonly rest?: (document: Json) => void; readonly grpc?: readonly [string, string] };

/** What becomes different on one transport, and what is told. */
const DRIFTS: readonly (readonly [string, Change, readonly string[]])[] = [
  ['nothing', {}, []],
  [
    'a request field only in REST',
    { rest: (d) => (newParcel(d).properties.tag = { type: 'string' }) },
    ['createParcel request.tag: only in REST'],
  ],
  [
    'a request field only in gRPC',
    { grpc: ['  optional int32 page_size = 1;', '  optional int32 page_size = 1;\n  optional string sort = 3;'] },
    ['listParcels request.sort: only in gRPC'],
  ],
  [
    'a field renamed',
    { grpc: ['  optional string next_page_token = 2;', '  optional string next_token = 2;'] },
    [
      'listParcels response.nextPageToken: only in REST',
      'listParcels response.nextToken: only in gRPC',
    ],
  ],
  [
    'a field of another type',
    { rest: (d) => (newParcel(d).properties.note = { type: 'integer' }) },
    ['createParcel request.note: integer in REST, string in gRPC'],
  ],
  [
    'a time that is a text',
    { rest: (d) => delete parcel(d).properties.sentAt.format },
    [
      'listParcels response.parcels[].sentAt: string in REST, time in gRPC',
      'createParcel response.sentAt: string in REST, time in gRPC',
      'getParcel response.sentAt: string in REST, time in gRPC',
    ],
  ],
  [
    'one made a list',
    { grpc: ['message CreateParcelRequest {\n  string name = 1;', 'message CreateParcelRequest {\n  repeated string name = 1;'] },
    ['createParcel request.name: string in REST, list in gRPC'],
  ],
  [
    'a field made optional in REST',
    { rest: (d) => (newParcel(d).required = ['name']) },
    ['createParcel request.size: optional in REST, always there in gRPC (no "optional")'],
  ],
  [
    'a field made optional in gRPC',
    { grpc: ['message GetParcelRequest {\n  string', 'message GetParcelRequest {\n  optional string'] },
    ['getParcel request.id: required in REST, "optional" in gRPC'],
  ],
  [
    'an enum value in REST',
    { rest: (d) => newParcel(d).properties.size.enum.push('extra-large') },
    ['createParcel request.size=EXTRA_LARGE: a value only in REST'],
  ],
  [
    'an enum value in gRPC',
    { grpc: ['  SIZE_LARGE = 2;', '  SIZE_LARGE = 2;\n  SIZE_HUGE = 3;'] },
    [
      'listParcels request.size=HUGE: a value only in gRPC',
      'listParcels response.parcels[].size=HUGE: a value only in gRPC',
      'createParcel request.size=HUGE: a value only in gRPC',
      'createParcel response.size=HUGE: a value only in gRPC',
      'getParcel response.size=HUGE: a value only in gRPC',
    ],
  ],
  [
    'an rpc renamed',
    { grpc: ['rpc DeleteParcel(', 'rpc DropParcel('] },
    ['deleteParcel: only in REST', 'dropParcel: a unary rpc only in gRPC'],
  ],
  [
    'an operation renamed',
    { rest: (d) => (d.paths['/v1/parcels/{id}'].get.operationId = 'readParcel') },
    ['readParcel: only in REST', 'getParcel: a unary rpc only in gRPC'],
  ],
  ['a streaming rpc, which REST cannot have', { grpc: ['rpc WatchParcels', 'rpc TraceParcels'] }, []],
  [
    'the same value as null or absent',
    { rest: (d) => (newParcel(d).properties.note = { anyOf: [{ type: 'string' }, { type: 'null' }] }) },
    [],
  ],
  ['an operation of another feature', { rest: (d) => (d.paths['/v1/vans'] = { get: { tags: ['vans'] } }) }, []],
];

test.each(DRIFTS)('%s', async (_name, { rest, grpc }, expected) => {
  if (rest) {
    const document = structuredClone(PARCELS);
    rest(document);
    project.setOpenApi(document);
  }
  if (grpc) {
    expect(PARCELS_PROTO).toContain(grpc[0]);
    project.setProto(PARCELS_PROTO.replace(...(grpc as [string, string])));
  }
  expect(await faults()).toEqual(expected);
});

test('schemas that contain themselves are compared once', async () => {
  const document = structuredClone(PARCELS) as Json;
  parcel(document).properties.parts = { type: 'array', items: { $ref: '#/components/schemas/Parcel' } };
  project.setOpenApi(document);
  project.setProto(
    PARCELS_PROTO.replace('google.protobuf.Timestamp sent_at = 5;', '$&\n  repeated Parcel parts = 6;'),
  );
  expect(await faults()).toEqual([]);
});

test('a difference with a reason passes, and without the difference is told to be stale', async () => {
  const entry = { operation: 'createParcel', field: 'request.tag', reason: 'REST takes it from a header' };
  project.write('src/features/parcels/drift.json', JSON.stringify([entry]));
  expect(await faults()).toEqual([
    'createParcel request.tag: no longer differs: take its entry out of src/features/parcels/drift.json',
  ]);
  const document = structuredClone(PARCELS) as Json;
  newParcel(document).properties.tag = { type: 'string' };
  project.setOpenApi(document);
  expect(await faults()).toEqual([]);
});

test('an operation may be on one transport only, with a reason', async () => {
  project.setProto(PARCELS_PROTO.replace('rpc DeleteParcel(DeleteParcelRequest) returns (DeleteParcelResponse);', ''));
  expect(await faults()).toEqual(['deleteParcel: only in REST']);
  const entry = { operation: 'deleteParcel', reason: 'Only the web page deletes parcels' };
  project.write('src/features/parcels/drift.json', JSON.stringify([entry]));
  expect(await faults()).toEqual([]);
});

test.each([
  ['no JSON', '[{', /src\/features\/parcels\/drift\.json is no JSON/],
  ['an entry without a reason', '[{ "operation": "getParcel" }]', /drift\.json: 0\.reason: /],
  ['an unknown key', '[{ "operation": "a", "reason": "because it is so", "why": 1 }]', /Unrecognized key: "why"/],
])('a drift.json with %s is refused', (_name, text, message) => {
  project.write('src/features/parcels/drift.json', text);
  expect(project.script('contract/check-drift.ts')).toMatchObject({ code: 1, text: expect.stringMatching(message) });
});

test('check:drift says what it compared, and fails on a difference', () => {
  expect(project.script('contract/check-drift.ts')).toEqual({
    code: 0,
    text: 'REST and gRPC agree: 4 operations on both transports\n',
  });
  project.setProto(PARCELS_PROTO.replace('rpc DeleteParcel(', 'rpc DropParcel('));
  const { code, text } = project.script('contract/check-drift.ts');
  expect({ code, text }).toMatchObject({ code: 1, text: expect.stringMatching(/✗ deleteParcel: only in REST/) });
});

async function faults(): Promise<string[]> {
  const drift = findDrift(await readContracts(project.root), project.root);
  return drift.faults.map(({ operation, field, problem }) => `${[operation, field].filter(Boolean).join(' ')}: ${problem}`);
}

const newParcel = (document: Json): Json => document.components.schemas.NewParcel;
const parcel = (document: Json): Json => document.components.schemas.Parcel;
