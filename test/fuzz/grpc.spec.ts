import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { createDatabase } from '../support/postgres.js';
import { RawGrpcClient, type RawGrpcAnswer } from '../support/raw-grpc.js';
import { startProcess, type LogLine, type ServiceProcess } from '../support/service-process.js';
import { grpcCalls, type GrpcCall, type Method } from './grpc-calls.js';
import { FUZZ_TIMEOUT_MS, fuzzParameters, UNDISTURBED } from './runs.js';

const LIMIT_MS = 10_000;
/** What the client does not end, and streams that end with the client only, are cut after this. */
const OPEN_LIMIT_MS = 60;
/** Calls at a time, on a connection of their own. */
const BATCH = 20;

const OK = 0;
const DEADLINE_EXCEEDED = 4;
const UNIMPLEMENTED = 12;
const FAULTS_OF_THE_SERVICE = ['CANCELLED', 'UNKNOWN', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];
// prettier-ignore
const CODES: Readonly<Record<number, string>> = { 1: 'CANCELLED', 2: 'UNKNOWN', 13: 'INTERNAL', 14: 'UNAVAILABLE', 15: 'DATA_LOSS' };

const descriptors = readFileSync(join(PROJECT, 'contracts/descriptors.binpb'));

let service: ServiceProcess;
beforeAll(async () => {
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  service = await startProcess({ env: { DATABASE_URL, ...UNDISTURBED } });
  await service.ready();
});
afterAll(() => service.stop());

test(
  'answers whatever it is called with by success or by a fault of the caller',
  { timeout: FUZZ_TIMEOUT_MS },
  async () => {
    const { seed, numRuns } = fuzzParameters();
    const { any, methods } = grpcCalls(descriptors, await someIds());
    const counts: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: BATCH, maxLength: BATCH }), async (calls) => {
        const answers = await send(calls, methods);
        answers.forEach((answer, index) => {
          const call = calls[index] as GrpcCall;
          const how = answer.wasCut ? 'cut' : (answer.grpcStatus ?? `HTTP ${answer.httpStatus}`);
          counts[how] = (counts[how] ?? 0) + 1;
          check(call, answer, methods.get(call.path));
        });
      }),
      { seed, numRuns: Math.ceil(numRuns / BATCH) },
    );
    process.stdout.write(`fuzz: gRPC answers by status ${JSON.stringify(counts)}\n`);
    expect(counts[OK]).toBeGreaterThan(numRuns / 10);
    await expectHealthy();
  },
);

function check(call: GrpcCall, answer: RawGrpcAnswer, method: Method | undefined): void {
  const seen = JSON.stringify({ call, answer: { ...answer, body: undefined } });
  if (answer.wasCut) {
    expect(mayStayOpen(call, method), `a complete call has an answer, not ${seen}`).toBe(true);
    return;
  }
  const refusal = httpRefusal(call);
  if (refusal !== undefined) {
    expect(answer.httpStatus, seen).toBe(refusal);
    return;
  }
  expect(answer, seen).toMatchObject({ httpStatus: 200, grpcStatus: expect.any(Number) });
  const code = answer.grpcStatus ?? -1;
  expect(FAULTS_OF_THE_SERVICE, seen).not.toContain(CODES[code]);
  if (code === DEADLINE_EXCEEDED) expect(call.headers, seen).toHaveProperty('grpc-timeout');
  if (code === UNIMPLEMENTED) expect(mayBeUnimplemented(call, method), seen).toBe(true);
}

/** The HTTP status of what is no gRPC. */
function httpRefusal({ headers }: GrpcCall): number | undefined {
  if ((headers[':method'] ?? 'POST') !== 'POST') return 405;
  const type = headers['content-type'] ?? 'application/grpc';
  return /^application\/grpc(?:$|[+;])/.test(type) ? undefined : 415;
}

function mayStayOpen({ keepOpen }: GrpcCall, method: Method | undefined): boolean {
  return keepOpen || (method?.answersMany ?? false);
}

/** The rpc or the compression is unknown, or something else came than the one message that is due. */
function mayBeUnimplemented({ headers, body }: GrpcCall, method: Method | undefined): boolean {
  if (!method || headers['grpc-encoding'] !== undefined) return true;
  return !method.takesMany && !isOneFrame(Buffer.from(body, 'hex'));
}

function isOneFrame(body: Buffer): boolean {
  return body.length >= 5 && body.length === 5 + body.readUInt32BE(1);
}

async function send(
  calls: readonly GrpcCall[],
  methods: ReadonlyMap<string, Method>,
): Promise<RawGrpcAnswer[]> {
  const client = new RawGrpcClient(service.address('grpc'));
  try {
    return await Promise.all(
      calls.map((call) =>
        client.call(call.path, {
          headers: call.headers,
          body: Buffer.from(call.body, 'hex'),
          keepOpen: call.keepOpen,
          limitMs: mayStayOpen(call, methods.get(call.path)) ? OPEN_LIMIT_MS : LIMIT_MS,
        }),
      ),
    );
  } finally {
    client.close();
  }
}

/** Ids in the answers to a few valid calls. */
async function someIds(): Promise<string[]> {
  const { valid, methods } = grpcCalls(descriptors);
  const answers = await send(fc.sample(valid, { seed: 1, numRuns: 100 }), methods);
  const text = answers.map(({ body }) => body.toString('latin1')).join('\n');
  return [...new Set(text.match(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/g))];
}

async function expectHealthy(): Promise<void> {
  expect((await service.management.get('/readyz')).status).toBe(200);
  expect(service.stderr).toBe('');
  // A deadline that passed is worth a warning; nothing else here is.
  const isExpected = ({ level, code }: LogLine) => level === 'info' || code === 'DEADLINE_EXCEEDED';
  expect(service.lines.filter((line) => !isExpected(line))).toEqual([]);
}
