import { Controller, Module, UseInterceptors } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { EMPTY, finalize, from, NEVER, Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { currentCall } from '#chassis/context';
import { Rpc } from '#chassis/grpc';
import { fromMessages } from '#chassis/streams';
import { ErrorInfo } from '#generated/google/rpc/error_details';
import { HealthListRequest } from '#generated/grpc/health/v1/health';
import { eventually, order, Probes, TestApp } from '../support/index.js';
import { Order } from '../support/probe.js';
import { frame, RawGrpcClient } from '../support/raw-grpc.js';
import { FLAG, FRAME, headerBlock, http2Frame, RawHttp2Client } from '../support/raw-http2.js';

const ROOT = new URL('../../', import.meta.url);
const DEADLINE_EXCEEDED = 4;
const UNIMPLEMENTED = 12;
/** Far beyond every deadline here, in milliseconds. */
const LIMIT_MS = 10_000;

const MESSAGES = 100;
const LARGE = { ...order('large'), domain: 'x'.repeat(10_000) };

function unclean(): never {
  throw new Error('a clean-up that fails');
}

function uncleanIterator(): AsyncIterator<Order> {
  return { next: () => new Promise(() => {}), return: unclean };
}

/** Interceptors' observables that were left. */
let left = 0;

/** Never gets to an answer where it is told so. */
class EndlessInterceptor {
  intercept(_context: unknown, next: { handle(): Observable<unknown> }): Observable<unknown> {
    return currentCall()?.headers['x-endless'] === undefined
      ? next.handle()
      : NEVER.pipe(
          finalize(() => {
            left += 1;
          }),
        );
  }
}

/** What the handlers were told, and what they have seen. */
const seen: string[] = [];

/** Answers at once, or not at all. */
@Controller()
class HastyController {
  @Rpc(Probes.unary, Order)
  @UseInterceptors(EndlessInterceptor)
  unary(): Promise<Order> {
    return new Promise(() => {});
  }

  @Rpc(Probes.serverStream, Order)
  serverStream({ reason }: Order): Observable<Order> {
    currentCall()?.setAnswerHeader('x-mine', reason);
    currentCall()?.setAnswerHeader('content-type', 'text/plain');
    if (reason === 'observable') return new Observable(() => unclean);
    if (reason === 'iteration') return fromMessages({ [Symbol.asyncIterator]: () => uncleanIterator() });
    if (reason === 'large') return from(Array.from({ length: MESSAGES }, () => LARGE));
    return reason === 'none' ? EMPTY : from([order('one'), order('two')]);
  }

  @Rpc(Probes.clientStream, Order)
  @UseInterceptors(EndlessInterceptor)
  async clientStream(orders: AsyncIterable<Order>): Promise<Order> {
    const call = currentCall();
    if (call?.headers['x-late'] !== undefined) {
      await once(call.signal, 'abort');
      seen.push('aborted');
      throw new Error('a fault after the answer');
    }
    for await (const each of orders) {
      if (each.reason === 'enough') return each;
      if (each.reason === 'last') break;
    }
    return new Promise(() => {});
  }

  /** Ends before its caller does. */
  @Rpc(Probes.bidi, Order)
  bidi(): Observable<Order> {
    return from([order('done')]);
  }
}

/** An rpc that is asked for nothing, as `google.protobuf.Empty` says it. */
const Nothing = {
  ...Probes.unary,
  path: '/probe.v1.ProbeService/Nothing',
  requestSerialize: (message: HealthListRequest) => Buffer.from(HealthListRequest.encode(message).finish()),
  requestDeserialize: (bytes: Buffer) => HealthListRequest.decode(bytes),
};

@Controller()
class NothingController {
  @Rpc(Nothing, z.strictObject({}))
  async nothing(): Promise<ErrorInfo> {
    seen.push('nothing');
    return order('nothing');
  }

  // @ts-expect-error -- a message that has fields
  @Rpc({ ...Probes.serverStream, path: '/probe.v1.ProbeService/Some' }, z.strictObject({}))
  async *refusedByTheCompiler(): AsyncGenerator<ErrorInfo> {}
}

@Module({ controllers: [HastyController, NothingController] })
class HastyModule {}

let app: TestApp;
let raw: RawGrpcClient;
const lines: Record<string, unknown>[] = [];
beforeAll(async () => {
  app = await TestApp.start({
    service: { module: HastyModule, root: ROOT },
    config: { LOG_LEVEL: 'info' },
    logTo: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  raw = new RawGrpcClient(app.grpc.address);
});
afterAll(async () => {
  raw.close();
  await app.stop();
});

test('a shutdown loses nothing of a stream that was made and is not read yet', async () => {
  const other = await TestApp.start({
    service: { module: HastyModule, root: ROOT },
    config: { SHUTDOWN_STREAMS_MS: 100, SHUTDOWN_GRACE_MS: LIMIT_MS },
  });
  const session = connect(`http://${other.grpc.address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': Probes.serverStream.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.end(body('large'));
  await once(stream, 'response');
  const stopped = other.stop();
  // Past the time that streams have, and what a client has that takes its answer.
  await sleep(1500);
  const trailers = once(stream, 'trailers');
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
  expect(bytes).toBeGreaterThan(MESSAGES * LARGE.domain.length);
  session.close();
  await stopped;
});

test('an rpc whose message has no fields is served by an empty schema', async () => {
  expect(await app.grpc.unary(Nothing, {})).toEqual(order('nothing'));
});

const message = (reason: string) => ErrorInfo.encode(order(reason)).finish();
const body = (reason: string) => frame(message(reason));

test.each(['some', 'none'])(
  'a stream that is there at once (%s) has the initial metadata of every other',
  async (reason) => {
    const headers = { 'x-request-id': `hasty-${reason}` };
    const answer = await raw.call(Probes.serverStream.path, { headers, body: body(reason) });
    expect(answer).toMatchObject({ grpcStatus: 0, headers: { ...headers, 'x-mine': reason } });
    expect(answer.headers['content-type']).toBe('application/grpc+proto');
    expect(answer.body.length > 0).toBe(reason === 'some');
  },
);

test.each(['observable', 'iteration'])(
  'an %s whose clean-up throws when its client leaves ends its own call and nothing else',
  async (reason) => {
    const requestId = `unclean-${reason}`;
    const headers = { 'x-request-id': requestId };
    await raw.call(Probes.serverStream.path, { headers, body: body(reason), isPassive: true, limitMs: 200 });
    await eventually('the call has its line', () => hasLine(requestId));
  },
);

test.each([
  ['clientStream', body('enough'), 0],
  ['bidi', body('first'), 0],
  ['serverStream', Buffer.concat([body('some'), body('some')]), UNIMPLEMENTED],
] as const)(
  '%s: a client that never ends its request has its answer, and its call ends',
  async (shape, sent, grpcStatus) => {
    const requestId = `unended-${shape}`;
    const answer = await raw.call(Probes[shape].path, {
      headers: { 'x-request-id': requestId },
      body: sent,
      keepOpen: true,
      isPassive: true,
      limitMs: LIMIT_MS,
    });
    expect(answer).toMatchObject({ grpcStatus, rstCode: 0, wasCut: false });
    await eventually('the call has its line', () => hasLine(requestId));
  },
);

test.each([
  ['unary', DEADLINE_EXCEEDED],
  ['clientStream', DEADLINE_EXCEEDED],
  ['bidi', 0],
] as const)('%s: the deadline ends a call whose client never ends its request', async (shape, grpcStatus) => {
  const requestId = `open-${shape}`;
  const answer = await raw.call(Probes[shape].path, {
    headers: { 'x-request-id': requestId, 'grpc-timeout': '300m' },
    body: body('first'),
    keepOpen: true,
    isPassive: true,
    limitMs: LIMIT_MS,
  });
  expect(answer).toMatchObject({ grpcStatus, wasCut: false });
  await eventually('the call has its line', () => hasLine(requestId));
});

test.each(['unary', 'clientStream'] as const)(
  '%s: what an interceptor waits for is left with its call',
  async (shape) => {
    const before = left;
    const headers = { 'x-endless': 'yes', 'grpc-timeout': '200m' };
    const { grpcStatus } = await raw.call(Probes[shape].path, { headers, body: body('first') });
    expect(grpcStatus).toBe(DEADLINE_EXCEEDED);
    await eventually('it is left', () => left === before + 1);
  },
);

test('what a handler throws after its call was answered changes nothing', async () => {
  const headers = { 'x-request-id': 'late-fault', 'x-late': 'yes', 'grpc-timeout': '100m' };
  const options = { headers, body: body('first'), keepOpen: true, isPassive: true, limitMs: LIMIT_MS };
  expect(await raw.call(Probes.clientStream.path, options)).toMatchObject({ grpcStatus: DEADLINE_EXCEEDED });
  await eventually('the call has its line', () => hasLine('late-fault'));
  const told = lines.filter(({ request_id }) => request_id === 'late-fault');
  expect(told).toMatchObject([{ msg: 'call', code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' }]);
});

describe.each([0, 8])('a reset with the code %i', (code) => {
  test.each([
    ['unary, before its request has ended, is not run', Nothing, Buffer.alloc(0), []],
    [
      'client stream is heard of by a handler that reads nothing',
      Probes.clientStream,
      message('first'),
      ['aborted'],
    ],
  ] as const)('%s', async (_name, { path }, sent, expected) => {
    seen.length = 0;
    const requestId = `reset-${path}-${code}`;
    const client = new RawHttp2Client(app.grpc.address);
    const head = headerBlock({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': 'localhost',
      ':path': path,
      'content-type': 'application/grpc',
      'x-request-id': requestId,
      'x-late': 'yes',
    });
    const resetCode = Buffer.alloc(4);
    resetCode.writeUInt32BE(code);
    client.write(http2Frame(FRAME.headers, FLAG.endHeaders, 1, head));
    client.write(http2Frame(FRAME.data, 0, 1, frame(sent)));
    // The message has to be there when the reset comes.
    await sleep(50);
    client.write(http2Frame(FRAME.reset, 0, 1, resetCode));
    await eventually('the call has its line', () => hasLine(requestId));
    expect(lines.find(({ request_id }) => request_id === requestId)).toMatchObject({ code: 'CANCELLED' });
    expect(seen).toEqual(expected);
    client.close();
  });
});

function hasLine(requestId: string): boolean {
  return lines.some((line) => line['msg'] === 'call' && line['request_id'] === requestId);
}
