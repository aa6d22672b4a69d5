import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CallObservers } from '#chassis/context';
import { ErrorInfo } from '#generated/google/rpc/error_details';
import { Status } from '#generated/google/rpc/status';
import { HealthCheckRequest } from '#generated/grpc/health/v1/health';
import { eventually, order, ProbeModule, Probes, ProbeService, TestApp } from '../support/index.js';
import { frame, RawGrpcClient, type RawGrpcAnswer, type RawGrpcOptions } from '../support/raw-grpc.js';
import { FLAG, FRAME, headerBlock, http2Frame, RawHttp2Client } from '../support/raw-http2.js';

const MAX_MESSAGE_BYTES = 64 * 1024;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;

let app: TestApp;
let raw: RawGrpcClient;
const lines: Record<string, unknown>[] = [];
beforeAll(async () => {
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { MAX_MESSAGE_BYTES, LOG_LEVEL: 'info' },
    logTo: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
});
afterAll(() => app.stop());

const good = Probes.unary.requestSerialize(order('echo'));
const waiting = Probes.unary.requestSerialize(order('wait'));
const longer = Probes.unary.requestSerialize({ ...order('echo'), domain: 'x'.repeat(100) });
const long = Probes.unary.requestSerialize({ ...order('echo'), domain: 'x'.repeat(MAX_MESSAGE_BYTES) });
const CANCEL = Buffer.from([0, 0, 0, 8]);
const gzip = { 'grpc-encoding': 'gzip' };

/** The call's line in the log. */
const lineOf = ({ headers }: RawGrpcAnswer) =>
  lines.find((line) => line['request_id'] === headers['x-request-id']);

interface BadCall extends RawGrpcOptions {
  readonly name: string;
  readonly path?: string;
  readonly status: number;
  readonly reason?: string;
}

// prettier-ignore
const BAD_CALLS: readonly BadCall[] = [
  { name: 'an unknown method', path: '/probe.v1.ProbeService/Nothing', body: frame(good), status: UNIMPLEMENTED, reason: 'METHOD_NOT_FOUND' },
  { name: 'an unknown service', path: '/nobody.v1.Nobody/Unary', body: frame(good), status: UNIMPLEMENTED, reason: 'METHOD_NOT_FOUND' },
  { name: 'a path that is none', path: '/', body: frame(good), status: UNIMPLEMENTED, reason: 'METHOD_NOT_FOUND' },
  { name: 'random bytes', body: frame(Buffer.from([0x0f, 0x12, 0x34])), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'a message that ends too early', body: frame(good.subarray(0, -2)), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'a field longer than the message', body: frame(Buffer.from([10, 127, 97])), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'an endless varint', body: frame(Buffer.alloc(20, 0xff)), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'invalid UTF-8', body: frame(Buffer.from([10, 2, 0xff, 0xfe])), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'a group that never ends', body: frame(Buffer.alloc(200, 0x0b)), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
  { name: 'an empty message', body: frame(Buffer.alloc(0)), status: INVALID_ARGUMENT, reason: 'VALIDATION_FAILED' },
  { name: 'a message over the limit', body: frame(long), status: RESOURCE_EXHAUSTED, reason: 'BODY_TOO_LARGE' },
  { name: 'a length of 4 GiB', body: frame(good, { length: 0xffffffff }), status: RESOURCE_EXHAUSTED, reason: 'BODY_TOO_LARGE', keepOpen: true },
  ...Object.values(Probes).flatMap(({ path, requestStream }): BadCall[] => [
    { name: `broken gzip to ${path}`, path, headers: gzip, body: frame(good, { isCompressed: true }), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
    { name: `gzip cut off half-way to ${path}`, path, headers: gzip, body: frame(gzipSync(good).subarray(0, -9), { isCompressed: true }), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
    { name: `a gzip bomb to ${path}`, path, headers: gzip, body: frame(gzipSync(Buffer.alloc(10 * MAX_MESSAGE_BYTES)), { isCompressed: true }), status: RESOURCE_EXHAUSTED, reason: 'BODY_TOO_LARGE' },
    { name: `an unknown compression to ${path}`, path, headers: { 'grpc-encoding': 'brotli' }, body: frame(good, { isCompressed: true }), status: UNIMPLEMENTED, reason: 'UNSUPPORTED_ENCODING' },
    { name: `an unknown compression to ${path} of no message`, path, headers: { 'grpc-encoding': 'brotli' }, status: UNIMPLEMENTED, reason: 'UNSUPPORTED_ENCODING' },
    { name: `a message to ${path} with a flag of no meaning`, path, body: frame(good, { flag: 2 }), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
    { name: `a compressed message to ${path} with a flag of no meaning`, path, headers: gzip, body: frame(gzipSync(good), { flag: 0x81 }), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
    { name: `a message to ${path} marked as compressed without an encoding`, path, body: frame(good, { isCompressed: true }), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' },
    { name: `too long a message to ${path}`, path, body: frame(long), status: RESOURCE_EXHAUSTED, reason: 'BODY_TOO_LARGE' },
    requestStream
      ? { name: `a request to ${path} that ends amid its second message`, path, body: Buffer.concat([frame(good), frame(good).subarray(0, 7)]), status: INVALID_ARGUMENT, reason: 'MALFORMED_MESSAGE' }
      : { name: `a request to ${path} with a message and a half`, path, body: Buffer.concat([frame(good), frame(good).subarray(0, 7)]), status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  ]),
  { name: 'no message to a server stream', path: Probes.serverStream.path, status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'a malformed deadline', headers: { 'grpc-timeout': 'soon' }, body: frame(good), status: INVALID_ARGUMENT, reason: 'MALFORMED_DEADLINE' },
  { name: 'a deadline with nine digits', headers: { 'grpc-timeout': '123456789S' }, body: frame(good), status: INVALID_ARGUMENT, reason: 'MALFORMED_DEADLINE' },
  { name: 'a deadline of no time', headers: { 'grpc-timeout': '0S' }, body: frame(good), status: DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' },
  { name: 'a deadline of no time for a stream', path: Probes.bidi.path, headers: { 'grpc-timeout': '0n' }, body: frame(good), status: DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' },
  { name: 'metadata over the limit', headers: { 'x-much': 'y'.repeat(20_000) }, body: frame(good), status: RESOURCE_EXHAUSTED, reason: 'HEADERS_TOO_LARGE' },
  { name: 'no message', status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'half a prefix', body: Buffer.alloc(3), status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'less than its length says', body: frame(good, { length: good.length + 1 }), status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'two messages to a unary method', body: Buffer.concat([frame(good), frame(good)]), status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'more than a message and no end', body: Buffer.concat([frame(good), frame(good)]), status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE', keepOpen: true },
  { name: 'a second message of one that is due', path: Probes.serverStream.path, headers: { 'grpc-timeout': '130m' }, body: Buffer.concat([frame(good), frame(good), frame(longer)]), pieceBytes: 1, status: UNIMPLEMENTED, reason: 'NOT_ONE_MESSAGE' },
  { name: 'messages that come after the deadline', path: Probes.serverStream.path, headers: { 'grpc-timeout': '30m' }, body: Buffer.concat([frame(longer), frame(longer)]), pieceBytes: 1, status: DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' },
  { name: 'a message in pieces over the limit', body: frame(long), pieceBytes: 9000, status: RESOURCE_EXHAUSTED, reason: 'BODY_TOO_LARGE' },
  ...[Probes.unary.path, Probes.serverStream.path].flatMap((path) => [undefined, 'gzip'].map((encoding): BadCall => ({
    name: `a request to ${path} (${encoding}) that does not end until its deadline`,
    path,
    headers: { 'grpc-timeout': '100m', ...(encoding && { 'grpc-encoding': encoding }) },
    body: frame(good), status: DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED', keepOpen: true,
  }))),
];

test.each(BAD_CALLS)(
  '$name answers $status $reason',
  async ({ name: _, path, status, reason, ...options }) => {
    raw = new RawGrpcClient(app.grpc.address);
    const answer = await raw.call(path ?? Probes.unary.path, options);
    raw.close();
    expect({ status: answer.grpcStatus, message: answer.message }).toEqual({
      status,
      message: expect.stringMatching(/.{5}/),
    });
    if (reason !== undefined) {
      expect(reasonOf(answer.headers['grpc-status-details-bin'])).toBe(reason);
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      await eventually('the call has its line', () => lineOf(answer) !== undefined);
      expect(lineOf(answer)).toMatchObject({ reason });
    }
  },
);

test.each([...Object.values(Probes).map(({ path }) => path), '/grpc.health.v1.Health/Check'])(
  'a compression that nobody reads is told what %s reads',
  async (path) => {
    raw = new RawGrpcClient(app.grpc.address);
    const answer = await raw.call(path, { headers: { 'grpc-encoding': 'snappy' }, body: frame(good) });
    raw.close();
    expect(answer).toMatchObject({
      grpcStatus: UNIMPLEMENTED,
      headers: { 'grpc-accept-encoding': 'identity,deflate,gzip' },
    });
  },
);

test.each(['GET', 'HEAD', 'PUT'])('%s answers 405: a call is a POST', async (method) => {
  raw = new RawGrpcClient(app.grpc.address);
  const answer = await raw.call(Probes.unary.path, { headers: { ':method': method }, body: frame(good) });
  expect(answer.httpStatus).toBe(405);
  raw.close();
});

describe('a service that is no feature', () => {
  const HEALTH = '/grpc.health.v1.Health/Check';

  test('refuses bytes that are no message as the fault of the caller', async () => {
    raw = new RawGrpcClient(app.grpc.address);
    const answer = await raw.call(HEALTH, { body: frame(Buffer.from([10, 127, 97])) });
    expect(answer.grpcStatus).toBe(INVALID_ARGUMENT);
    raw.close();
  });

  test.each([
    HEALTH,
    '/grpc.health.v1.Health/Watch',
    '/grpc.health.v1.Health/List',
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  ])('refuses a message to %s with a flag of no meaning', async (path) => {
    raw = new RawGrpcClient(app.grpc.address);
    const options = { body: frame(Buffer.alloc(0), { flag: 2 }), limitMs: 10_000 };
    const answer = await raw.call(path, options);
    expect(answer.grpcStatus).toBe(INVALID_ARGUMENT);
    expect(reasonOf(answer.headers['grpc-status-details-bin'])).toBe('MALFORMED_MESSAGE');
    raw.close();
  });

  test('has the deadline of its caller, however long', async () => {
    raw = new RawGrpcClient(app.grpc.address);
    const watch = (timeout: string, limitMs: number): Promise<RawGrpcAnswer> =>
      raw.call(HEALTH.replace('Check', 'Watch'), {
        headers: { 'grpc-timeout': timeout },
        body: frame(Buffer.alloc(0)),
        limitMs,
      });
    expect(await watch('1000H', 300)).toMatchObject({ grpcStatus: undefined, wasCut: true });
    const late = await watch('50m', 10_000);
    expect(late.grpcStatus).toBe(DEADLINE_EXCEEDED);
    expect(reasonOf(late.headers['grpc-status-details-bin'])).toBe('DEADLINE_EXCEEDED');
    await eventually('the call has its line', () => lineOf(late) !== undefined);
    expect(lineOf(late)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    raw.close();
  });

  test('does not repeat so much of what it was asked that the connection breaks', async () => {
    raw = new RawGrpcClient(app.grpc.address);
    const service = HealthCheckRequest.encode({ service: 'é'.repeat(MAX_MESSAGE_BYTES / 3) }).finish();
    const answer = await raw.call(HEALTH, { body: frame(service) });
    expect(answer).toMatchObject({ grpcStatus: NOT_FOUND, message: expect.stringContaining('No service') });
    expect(await raw.call(Probes.unary.path, { body: frame(good) })).toMatchObject({ grpcStatus: 0 });
    raw.close();
  });
});

describe.each([Probes.clientStream.path, Probes.bidi.path])('a request to %s that breaks off', (path) => {
  test.each([
    ['by a reset', (client: RawHttp2Client) => client.write(http2Frame(FRAME.reset, 0, 1, CANCEL))],
    ['with its connection', (client: RawHttp2Client) => client.close()],
  ])('%s has no end, and is a call that was cancelled', async (_how, breakOff) => {
    const { received } = app.get(ProbeService);
    const id = randomUUID();
    const findLine = () => lines.find((line) => line['request_id'] === id);
    const client = new RawHttp2Client(app.grpc.address);
    const pseudo = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'probe' };
    const headers = { ...pseudo, te: 'trailers', 'content-type': 'application/grpc', 'x-request-id': id };
    client.write(http2Frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock(headers)));
    client.write(http2Frame(FRAME.data, 0, 1, frame(good)));
    const isRead = () =>
      [...app.get(CallObservers).open].some((call) => 'messagesIn' in call && call.messagesIn > 0);
    await eventually('its message is read', isRead);
    breakOff(client);
    await eventually('the call has its line', () => findLine() !== undefined);
    expect(findLine()).toMatchObject({ code: 'CANCELLED', reason: 'CALL_CANCELLED' });
    expect(app.get(ProbeService).received).toBe(received);
    client.close();
  });
});

describe('a stream that grpc-js ends by itself', () => {
  test.each([
    ['a length of 4 GiB', frame(good, { length: 0xffffffff }), RESOURCE_EXHAUSTED],
    ['broken compression', frame(good, { isCompressed: true }), INVALID_ARGUMENT],
    ['a flag of no meaning', frame(good, { flag: 2 }), INVALID_ARGUMENT],
  ])('for %s ends its handler, without a word in the log', async (_name, bad, status) => {
    raw = new RawGrpcClient(app.grpc.address);
    const error = vi.spyOn(Logger.prototype, 'error');
    const run = vi.spyOn(app.get(ProbeService), 'run');
    for (const path of [Probes.bidi.path, Probes.clientStream.path])
      expect(await raw.call(path, { headers: gzip, body: bad })).toMatchObject({ grpcStatus: status });
    expect(await raw.call(Probes.bidi.path, { body: frame(good) })).toMatchObject({ grpcStatus: 0 });
    expect(run).toHaveBeenCalledOnce();
    expect(error).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    raw.close();
  });

  test('aborts what its handler waits for', async () => {
    raw = new RawGrpcClient(app.grpc.address);
    const { aborts } = app.get(ProbeService);
    const before = aborts.length;
    const answer = await raw.call(Probes.bidi.path, {
      headers: gzip,
      body: Buffer.concat([frame(waiting), frame(good, { isCompressed: true })]),
    });
    expect(answer.grpcStatus).toBe(INVALID_ARGUMENT);
    await eventually('the handler is aborted', () => aborts.length > before);
    raw.close();
  });
});

test.each([
  ['gzip', { headers: gzip, body: frame(gzipSync(good), { isCompressed: true }) }],
  ['an uncompressed message of a call with an encoding', { headers: gzip, body: frame(good) }],
  ['the encoding that is none', { headers: { 'grpc-encoding': 'identity' }, body: frame(good) }],
  ['a message that comes byte by byte', { body: frame(good), pieceBytes: 1 }],
])('%s is no fault', async (_name, options) => {
  raw = new RawGrpcClient(app.grpc.address);
  expect(await raw.call(Probes.unary.path, options)).toMatchObject({ grpcStatus: 0 });
  raw.close();
});

test.each([
  'application/json',
  'application/grpc-web',
  'application/grpc-web+proto',
  'application/grpcx',
  '',
])('the content-type "%s" is no gRPC and answers 415', async (type) => {
  raw = new RawGrpcClient(app.grpc.address);
  for (const path of [Probes.unary.path, Probes.bidi.path]) {
    const answer = await raw.call(path, { headers: { 'content-type': type }, body: frame(good) });
    expect([answer.httpStatus, answer.grpcStatus]).toEqual([415, undefined]);
  }
  raw.close();
});

test.each(['application/grpc+proto', 'application/grpc;charset=utf-8'])(
  'the content-type "%s" is gRPC',
  async (type) => {
    raw = new RawGrpcClient(app.grpc.address);
    const answer = await raw.call(Probes.unary.path, {
      headers: { 'content-type': type },
      body: frame(good),
    });
    expect(answer.grpcStatus).toBe(0);
    raw.close();
  },
);

test('a stream with one malformed message answers what came before, then refuses', async () => {
  raw = new RawGrpcClient(app.grpc.address);
  const answer = await raw.call(Probes.bidi.path, {
    body: Buffer.concat([frame(good), frame(Buffer.from([10, 9]))]),
  });
  expect(answer.grpcStatus).toBe(INVALID_ARGUMENT);
  expect(reasonOf(answer.headers['grpc-status-details-bin'])).toBe('MALFORMED_MESSAGE');
  raw.close();
});

function reasonOf(details: unknown): string | undefined {
  const [info] = Status.decode(Buffer.from(String(details), 'base64')).details;
  return info && ErrorInfo.decode(info.value).reason;
}
