import { Writable } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceError } from '#chassis/errors';
import {
  eventually,
  failureOf,
  order,
  ProbeModule,
  Probes,
  ProbeService,
  SHAPES,
  TestApp,
} from '../support/index.js';

const MAX_DEADLINE_MS = 600;

let app: TestApp;
let probe: ProbeService;
beforeAll(async () => {
  app = await TestApp.start({ imports: [ProbeModule], config: { MAX_DEADLINE_MS } });
  probe = app.get(ProbeService);
});
afterAll(() => app.stop());

/** The codes of the aborts seen while `work` ran and shortly after. */
async function abortsDuring(count: number, work: () => Promise<unknown>): Promise<string[]> {
  const before = probe.aborts.length;
  await work();
  await eventually('the handler sees the abort', () => probe.aborts.length >= before + count);
  return probe.aborts.slice(before).map((reason) => (reason as ServiceError).code);
}

describe.each(SHAPES)('a deadline over $name', ({ call }) => {
  test('answers DEADLINE_EXCEEDED and aborts the handler', async () => {
    const aborts = await abortsDuring(1, async () => {
      const outcome = await call(app, 'wait', { timeoutMs: 150 });
      expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    });
    expect(aborts).toEqual(['DEADLINE_EXCEEDED']);
  });

  test('answers in time although the handler does not look', async () => {
    const begin = Date.now();
    expect(await call(app, 'ignore-abort', { timeoutMs: 100 })).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(Date.now() - begin).toBeLessThan(2500);
  });

  test('does not disturb a call that is done before', async () => {
    const { answers } = await call(app, 'echo', { timeoutMs: 5000 });
    expect(answers).toContain('echo');
  });
});

test("a unary call never lasts longer than the server's maximum", async () => {
  const [rest, unary] = await Promise.all([
    app.http.post('/probe', order('wait'), { 'x-request-timeout-ms': '60000' }),
    failureOf(app.grpc.unary(Probes.unary, order('wait'))),
  ]);
  expect(rest).toMatchObject({
    status: 504,
    body: { code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' },
  });
  expect(unary).toMatchObject({ code: 4, reason: 'DEADLINE_EXCEEDED' });
});

test('a stream outlives the maximum for unary calls', async () => {
  const call = app.grpc.bidi(Probes.bidi);
  const answers = call[Symbol.asyncIterator]();
  call.write(order('echo'));
  expect((await answers.next()).value).toMatchObject({ reason: 'echo' });
  await new Promise((resolve) => setTimeout(resolve, MAX_DEADLINE_MS + 100));
  call.write(order('echo'));
  expect((await answers.next()).value).toMatchObject({ reason: 'echo' });
  call.end();
});

test.each(['', 'soon', '-5', '1.5', '99999999999'])('x-request-timeout-ms %j is refused', async (timeout) => {
  const { status, body } = await app.http.post('/probe', order('echo'), { 'x-request-timeout-ms': timeout });
  expect({ status, reason: body.reason }).toEqual({ status: 400, reason: 'MALFORMED_DEADLINE' });
});

test('a deadline of no time is over', async () => {
  const { status, body } = await app.http.get('/probe/echo', { 'x-request-timeout-ms': '0' });
  expect({ status, reason: body.reason }).toEqual({ status: 504, reason: 'DEADLINE_EXCEEDED' });
});

test('the longest grpc-timeout is no overflow', async () => {
  const { reason } = await app.grpc.unary(Probes.unary, order('echo'), {
    deadline: Date.now() + 99_999_999 * 3_600_000,
  });
  expect(reason).toBe('echo');
});

test('a client that leaves aborts the handler, over REST', async () => {
  const client = new AbortController();
  const aborts = await abortsDuring(1, async () => {
    const answer = app.http.send('/probe/wait', { signal: client.signal });
    setTimeout(() => client.abort(), 100);
    await expect(answer).rejects.toThrow(/abort/i);
  });
  expect(aborts).toEqual(['CANCELLED']);
});

test('a client that cancels aborts the handler, over every shape of gRPC', async () => {
  const aborts = await abortsDuring(4, async () => {
    const { unary, serverStream, clientStream, bidi } = Probes;
    const calls = [
      app.grpc.client.makeUnaryRequest(
        unary.path,
        unary.requestSerialize,
        unary.responseDeserialize,
        order('wait'),
        () => {},
      ),
      app.grpc.serverStream(serverStream, order('wait')).on('error', () => {}),
      app.grpc.client.makeClientStreamRequest(
        clientStream.path,
        clientStream.requestSerialize,
        clientStream.responseDeserialize,
        () => {},
      ),
      app.grpc.bidi(bidi).on('error', () => {}),
    ];
    for (const call of calls) if (call instanceof Writable) call.write(order('wait'));
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (const call of calls) call.cancel();
  });
  expect(aborts).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'CANCELLED']);
});

describe('request ids', () => {
  test.each(SHAPES)(
    "over $name the caller's id reaches the handler and comes back",
    async ({ name, call }) => {
      const headers = { 'x-request-id': `id-of-${name.replaceAll(' ', '-')}` };
      expect(await call(app, 'refuse', { headers })).toMatchObject({ reason: 'PROBE_REFUSED' });
      const rest = await app.http.post('/probe', order('who'), headers);
      expect(rest.headers.get('x-request-id')).toBe(headers['x-request-id']);
      expect(rest.body.domain).toBe(headers['x-request-id']);
    },
  );

  test('gRPC returns it in the initial metadata, also of a call that fails', async () => {
    const ids = await Promise.all(
      ['who', 'refuse'].map((reason) => initialMetadata(reason, { 'x-request-id': 'mine' })),
    );
    expect(ids).toEqual(['mine', 'mine']);
  });

  test.each([[''], ['a b'], ['x'.repeat(129)], ['ümlaut']])(
    '%j is replaced by a new one',
    async (offered) => {
      const { headers } = await app.http.get('/probe/echo', {
        'x-request-id': Buffer.from(offered).toString('latin1'),
      });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('one is made where the caller sends none', async () => {
    expect((await app.http.get('/nowhere')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await initialMetadata('echo', {})).toMatch(/^[0-9a-f-]{36}$/);
  });
});

async function initialMetadata(reason: string, headers: Record<string, string>): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = Probes.unary;
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  const call = app.grpc.client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    order(reason),
    metadata,
    () => {},
  );
  const received = await new Promise<Metadata>((resolve) => call.on('metadata', resolve));
  return received.get('x-request-id')[0];
}

test('a slow reader holds back the stream that fills it, and leaving it runs its clean-up', async () => {
  const { produced, finished } = probe;
  const call = app.grpc.serverStream(Probes.serverStream, order('endless')).on('error', () => {});
  const iterator = call[Symbol.asyncIterator]();
  await iterator.next();
  let last = -1;
  await eventually('production stops while nobody reads', async () => {
    const isSteady = probe.produced === last;
    last = probe.produced;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return isSteady;
  });
  expect(probe.produced - produced).toBeLessThan(50_000);
  call.cancel();
  await eventually('the generator is finished', () => probe.finished > finished);
});
