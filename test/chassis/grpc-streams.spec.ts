import { Controller, Module } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { EMPTY, from, Observable } from 'rxjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { currentCall } from '#chassis/context';
import { Rpc } from '#chassis/grpc';
import { fromMessages } from '#chassis/streams';
import { ErrorInfo } from '#generated/google/rpc/error_details';
import { HealthListRequest } from '#generated/grpc/health/v1/health';
import { eventually, order, Probes, TestApp } from '../support/index.js';
import { Order } from '../support/probe.js';
import { frame, RawGrpcClient } from '../support/raw-grpc.js';

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

/** Answers at once, or not at all. */
@Controller()
class HastyController {
  @Rpc(Probes.unary, Order)
  unary(): Promise<Order> {
    return new Promise(() => {});
  }

  @Rpc(Probes.serverStream, Order)
  serverStream({ reason }: Order): Observable<Order> {
    currentCall()?.setAnswerHeader('x-mine', reason);
    if (reason === 'observable') return new Observable(() => unclean);
    if (reason === 'iteration') return fromMessages({ [Symbol.asyncIterator]: () => uncleanIterator() });
    if (reason === 'large') return from(Array.from({ length: MESSAGES }, () => LARGE));
    return reason === 'none' ? EMPTY : from([order('one'), order('two')]);
  }

  @Rpc(Probes.clientStream, Order)
  async clientStream(orders: AsyncIterable<Order>): Promise<Order> {
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

const body = (reason: string) => frame(ErrorInfo.encode(order(reason)).finish());

test.each(['some', 'none'])(
  'a stream that is there at once (%s) has the initial metadata of every other',
  async (reason) => {
    const headers = { 'x-request-id': `hasty-${reason}` };
    const answer = await raw.call(Probes.serverStream.path, { headers, body: body(reason) });
    expect(answer).toMatchObject({ grpcStatus: 0, headers: { ...headers, 'x-mine': reason } });
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

function hasLine(requestId: string): boolean {
  return lines.some((line) => line['msg'] === 'call' && line['request_id'] === requestId);
}
