import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeApi } from '#chassis';
import { PROJECT } from '../support/build.js';
import { ProbeModule, TestApp } from '../support/index.js';
import { SdkConsumer } from '../support/sdk-consumer.js';
import { ContractProject } from './project.js';

const LIMIT_MS = 300_000;
const LIMIT = { timeout: LIMIT_MS };

/** The contract of `test/support/probe.ts`. */
const PROBE_PROTO = `syntax = "proto3";
package probe.v1;
import "google/rpc/error_details.proto";
service ProbeService {
  rpc Unary(google.rpc.ErrorInfo) returns (google.rpc.ErrorInfo);
  rpc ServerStream(google.rpc.ErrorInfo) returns (stream google.rpc.ErrorInfo);
  rpc ClientStream(stream google.rpc.ErrorInfo) returns (google.rpc.ErrorInfo);
  rpc Bidi(stream google.rpc.ErrorInfo) returns (stream google.rpc.ErrorInfo);
}
`;

@Module({})
class EmptyModule {}

/** A program of a consumer: what it prints is what the test looks at. */
const PROGRAM = `
import { CallError, createGrpcClients, createRestClient, orThrow, toCallError, type Code } from 'parcels-sdk';

const options = { token: async () => 'abc', requestId: () => 'request-7', timeoutMs: 5000 };
const rest = createRestClient({ baseUrl: process.env['REST_URL'] ?? '', ...options });
const grpc = createGrpcClients({ baseUrl: process.env['GRPC_URL'] ?? '', ...options });
const failure = async (call: Promise<unknown>) => {
  const error = await call.then(() => undefined, toCallError);
  if (!(error instanceof CallError)) return error;
  const code: Code = error.code;
  const { reason, requestId, status, metadata, violations, retryAfterMs } = error;
  return { code, reason, requestId, status, metadata, violations, retryAfterMs };
};
/** Who is first to end a late call, service or client, is chance: both say the same code and id. */
const late = async (call: Promise<unknown>) => {
  const { code, requestId } = await call.then(() => Promise.reject(new Error('not late')), toCallError);
  return { code, requestId };
};
const leaving = () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  return controller.signal;
};
const post = (reason: string, signal?: AbortSignal) =>
  orThrow(rest.POST('/probe', { body: { reason }, ...(signal && { signal }) }));
const answers: Record<string, unknown> = {};

answers['rest'] = (await post('echo')).reason;
answers['rest who'] = (await orThrow(rest.GET('/probe/{reason}', { params: { path: { reason: 'who' } } }))).domain;
answers['rest refused'] = await failure(post('refuse'));
answers['rest invalid'] = await failure(post('NO'));
answers['rest fault'] = await failure(post('fail'));
answers['rest late'] = await late(
  orThrow(rest.POST('/probe', { body: { reason: 'wait' }, headers: { 'x-request-timeout-ms': '200' } })),
);
answers['rest aborted'] = (await late(post('wait', leaving()))).code;
answers['rest nowhere'] = await failure(orThrow(createRestClient({ baseUrl: 'http://127.0.0.1:1', requestId: () => 'request-8' }).GET('/probe/query', { params: { query: { word: '' } } } as never)));

const { probeService } = grpc;
answers['grpc'] = (await probeService.unary({ reason: 'echo' })).reason;
answers['grpc who'] = (await probeService.unary({ reason: 'who' })).domain;
answers['grpc refused'] = await failure(probeService.unary({ reason: 'refuse' }));
answers['grpc invalid'] = await failure(probeService.unary({ reason: 'NO' }));
answers['grpc late'] = await late(probeService.unary({ reason: 'wait' }, { timeoutMs: 200 }));
answers['grpc aborted'] = (await late(probeService.unary({ reason: 'wait' }, { signal: leaving() }))).code;
answers['grpc nowhere'] = await failure(createGrpcClients({ baseUrl: 'http://127.0.0.1:1', requestId: () => 'request-8' }).health.check({}));
const indexes: unknown[] = [];
for await (const { metadata } of probeService.serverStream({ reason: 'echo' })) indexes.push(metadata['index']);
answers['grpc stream'] = indexes;
const untilFailure = async () => {
  for await (const { metadata } of probeService.serverStream({ reason: 'fail-late' })) indexes.push(metadata['index']);
};
answers['grpc stream refused'] = await failure(untilFailure());
async function* three() {
  for (const reason of ['a', 'b', 'c']) yield { reason };
}
answers['grpc client stream'] = (await probeService.clientStream(three())).reason;
console.log(JSON.stringify(answers));
`;

const NOTHING = { metadata: {}, violations: [] };
const INVALID = {
  code: 'INVALID_ARGUMENT',
  reason: 'VALIDATION_FAILED',
  requestId: 'request-7',
  metadata: {},
  violations: [{ path: 'reason', message: 'must be a lower-case word' }],
};
const REFUSED = {
  code: 'FAILED_PRECONDITION',
  reason: 'PROBE_REFUSED',
  requestId: 'request-7',
  metadata: { who: 'probe' },
  violations: [],
};
const ANSWERS = {
  rest: 'echo',
  'rest who': 'request-7',
  'rest refused': { ...REFUSED, status: 400, retryAfterMs: 2000 },
  'rest invalid': { ...INVALID, status: 400 },
  'rest fault': { ...NOTHING, code: 'INTERNAL', reason: 'INTERNAL', requestId: 'request-7', status: 500 },
  'rest late': { code: 'DEADLINE_EXCEEDED', requestId: 'request-7' },
  'rest aborted': 'CANCELLED',
  'rest nowhere': { ...NOTHING, code: 'UNAVAILABLE', reason: '', requestId: 'request-8' },
  grpc: 'echo',
  'grpc who': 'request-7',
  'grpc refused': { ...REFUSED, retryAfterMs: 1500 },
  'grpc invalid': INVALID,
  'grpc late': { code: 'DEADLINE_EXCEEDED', requestId: 'request-7' },
  'grpc aborted': 'CANCELLED',
  'grpc nowhere': { ...NOTHING, code: 'UNAVAILABLE', reason: '', requestId: 'request-8' },
  'grpc stream': ['0', '1', '2', '0', '1'],
  'grpc stream refused': { ...REFUSED, retryAfterMs: 1500 },
  'grpc client stream': 'a b c',
};

/** A mistake of a consumer each, which the compiler finds. */
const MISTAKES = [
  "rest.GET('/probes')",
  "rest.POST('/probe', { body: { reason: 7 } })",
  "rest.POST('/probe', { body: {} })",
  'grpc.probeService.unary({ reasons: [] })',
  'grpc.probeService.nothing({})',
  "createRestClient({ baseUrl: 'http://a', timeoutMs: undefined })",
];

describe('the client of a service with both transports', () => {
  let project: ContractProject;
  let app: TestApp;
  let consumer: SdkConsumer;
  beforeAll(async () => {
    project = new ContractProject();
    await setContracts(project, ProbeModule, PROBE_PROTO);
    app = await TestApp.start({ imports: [ProbeModule] });
    consumer = await SdkConsumer.install(project.root);
  }, LIMIT_MS);
  afterAll(async () => {
    project[Symbol.dispose]();
    consumer[Symbol.dispose]();
    await app.stop();
  });

  test('compiles in a strict project and works on both transports', LIMIT, async () => {
    const examples = consumer.writeExamples();
    const program = consumer.write('program.ts', PROGRAM);
    const mistakes = MISTAKES.map((code) => `// @ts-expect-error -- a mistake\nvoid ${code};\n`);
    consumer.write(
      'mistakes.ts',
      `import { createRestClient, createGrpcClients } from 'parcels-sdk';\nconst rest = createRestClient({ baseUrl: '' });\nconst grpc = createGrpcClients({ baseUrl: '' });\n${mistakes.join('')}`,
    );
    await consumer.compile(true);
    const addresses = { http: app.service.http, grpc: app.service.grpc };
    for (const example of examples) await consumer.run(example, addresses);
    expect(JSON.parse(await consumer.run(program, addresses))).toEqual(ANSWERS);
  });

  test('the package has what it needs and nothing else', () => {
    expect(consumer.packed.filter((file) => !file.startsWith('dist/proto/'))).toEqual([
      'LICENSE',
      'README.md',
      ...['call-error', 'client-options', 'grpc', 'index', 'rest', 'schema', 'services'].flatMap((name) => [
        `dist/${name}.d.ts`,
        `dist/${name}.js`,
      ]),
      'package.json',
    ]);
    const protos = consumer.packed.filter((file) => file.startsWith('dist/proto/'));
    expect(protos.every((file) => /_pb\.(d\.ts|js)$/.test(file))).toBe(true);
    expect(protos).toContain('dist/proto/parcels/v1/parcels_pb.js');
  });
});

/** What is not there; each further one takes a compiler's run. */
const PARTS = [
  ['without a feature', EmptyModule, undefined],
  ['with gRPC only', EmptyModule, PROBE_PROTO],
  ['with REST only', ProbeModule, undefined],
] as const;

test.each(process.env['SOAK'] ? PARTS : PARTS.slice(0, 1))('the client of a service %s is made, with the examples that fit it', LIMIT, async (_name, module, proto) => {
  using project = new ContractProject();
  await setContracts(project, module, proto);
  const { code, text } = project.script('sdk/make-sdk.ts');
  expect(text).toMatch(/^parcels-sdk 1\.2\.0 is in .*dist\/sdk\./);
  expect(code).toBe(0);
  const readme = readFileSync(join(project.root, 'dist/sdk/README.md'), 'utf8');
  expect(readme.includes('createRestClient')).toBe(module === ProbeModule);
  expect(readme.includes('grpc.probeService')).toBe(proto !== undefined);
});

describe('bad input has a clear error and leaves what was there', () => {
  let project: ContractProject;
  beforeAll(() => {
    project = new ContractProject();
  });
  afterAll(() => project[Symbol.dispose]());

  test('a folder with something else in it', () => {
    project.write('out/notes.txt', 'mine');
    const { code, text } = project.script('sdk/make-sdk.ts', ['--out', 'out']);
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringMatching(/has something else in it than parcels-sdk/) });
    expect(readFileSync(join(project.root, 'out/notes.txt'), 'utf8')).toBe('mine');
  });

  test('a file where the folder should be', () => {
    project.write('file', 'mine');
    const { code, text } = project.script('sdk/make-sdk.ts', ['--out', 'file']);
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringMatching(/cannot be written there: ENOTDIR/) });
  });

  test.each([
    ['an unknown option', ['--output', 'x'], /Usage: npm run sdk/],
    ['no value', ['--out'], /Usage: npm run sdk/],
  ])('%s', (_name, parameters, message) => {
    expect(project.script('sdk/make-sdk.ts', parameters)).toMatchObject({ code: 1, text: expect.stringMatching(message) });
  });

  test('contracts that cannot be read', () => {
    project.write('contracts/descriptors.binpb', 'garbage');
    const { code, text } = project.script('sdk/make-sdk.ts');
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringMatching(/is no set of proto descriptors/) });
    expect(existsSync(join(project.root, 'dist'))).toBe(false);
  });
});

/** Contracts as `npm run contract` makes them of a module and a proto, with those that every service has. */
async function setContracts(project: ContractProject, module: typeof ProbeModule, proto?: string): Promise<void> {
  project.setOpenApi(await describeApi({ module }, { name: 'parcels', version: '1.2.0' }));
  project.write('LICENSE', 'None');
  project.setProto(proto ?? 'syntax = "proto3";\npackage parcels.v1;\n', 'parcels/v1/parcels.proto', [
    join(PROJECT, 'proto/google'),
    join(PROJECT, 'proto/grpc'),
  ]);
}
