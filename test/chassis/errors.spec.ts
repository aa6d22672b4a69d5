import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, order, ProbeModule, Probes, SHAPES, TestApp } from '../support/index.js';
import { SERVICE_NAME } from '../support/service-name.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ imports: [ProbeModule] });
});
afterAll(() => app.stop());

describe.each(SHAPES)('over $name', ({ call }) => {
  test.each(['fail', 'throw-string', 'refuse-badly', 'misfit'])(
    'an unknown failure (%s) tells nothing of the inside',
    async (reason) => {
      expect(await call(app, reason)).toEqual({
        code: 'INTERNAL',
        reason: 'INTERNAL',
        message: 'The service failed; quote the request id when you report it',
      });
    },
  );

  test('an error of the vocabulary keeps its code, reason and message', async () => {
    expect(await call(app, 'refuse')).toEqual({
      code: 'FAILED_PRECONDITION',
      reason: 'PROBE_REFUSED',
      message: 'The probe was told to refuse',
    });
  });

  test('a validation fault names the field', async () => {
    const { code, reason, message } = await call(app, 'NOT A WORD');
    expect({ code, reason }).toEqual({ code: 'INVALID_ARGUMENT', reason: 'VALIDATION_FAILED' });
    expect(message).toMatch(/reason: must be a lower-case word$/);
  });
});

test('a problem has every member of RFC 9457 and of the contract', async () => {
  const { status, headers, body } = await app.http.post(
    '/probe?x=1',
    { reason: 'refuse' },
    { 'x-request-id': 'r-1' },
  );
  expect(status).toBe(400);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(headers.get('retry-after')).toBe('2');
  expect(body).toEqual({
    type: 'urn:problem-type:probe-refused',
    title: 'Probe refused',
    status: 400,
    detail: 'The probe was told to refuse',
    instance: '/probe',
    code: 'FAILED_PRECONDITION',
    reason: 'PROBE_REFUSED',
    requestId: 'r-1',
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    metadata: { who: 'probe' },
  });
});

test('validation faults of REST come together, each with its path', async () => {
  const { status, body } = await app.http.post('/probe', { reason: 7, domain: [], metadata: { a: 1 } });
  expect(status).toBe(400);
  expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(['reason', 'domain', 'metadata.a']);
});

test('a gRPC status carries ErrorInfo and RetryInfo', async () => {
  const failure = await failureOf(app.grpc.unary(Probes.unary, order('refuse')));
  expect(failure).toMatchObject({
    code: 9,
    info: { reason: 'PROBE_REFUSED', domain: SERVICE_NAME, metadata: { who: 'probe' } },
    retry: { retryDelay: { seconds: 1, nanos: 500_000_000 } },
  });
});

test('a gRPC validation fault carries BadRequest, in a stream with the index of the message', async () => {
  const unary = await failureOf(app.grpc.unary(Probes.unary, order('NO')));
  expect(unary.violations).toEqual([{ field: 'reason', description: 'must be a lower-case word' }]);
  const stream = await failureOf(app.grpc.clientStream(Probes.clientStream, [order('echo'), order('NO')]));
  expect(stream.violations).toEqual([{ field: '1.reason', description: 'must be a lower-case word' }]);
});

test('a stream that fails half-way delivers what came before', async () => {
  const answers: string[] = [];
  const stream = app.grpc.serverStream(Probes.serverStream, order('fail-late'));
  const failure = await failureOf(
    (async () => {
      for await (const answer of stream) answers.push(answer.metadata['index'] ?? '');
    })(),
  );
  expect(answers).toEqual(['0', '1']);
  expect(failure.reason).toBe('PROBE_REFUSED');
});
