import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { order, ProbeModule, Probes, SHAPES, TestApp } from '../support/index.js';
import { sendRaw } from '../support/raw-http.js';
import { SERVICE_NAME } from '../support/service-name.js';

const SERVER = 2;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

let receiver: OtlpReceiver;
let app: TestApp;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20 },
  });
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});
beforeEach(() => receiver.forget());

const serverSpan = (span: ReceivedSpan): boolean => span.kind === SERVER;

describe.each(SHAPES)('over $name', ({ call, isGrpc, name }) => {
  test('a call has a server span and spans of its methods in one tree', async () => {
    await call(app, 'echo', { headers: { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` } });
    const [server] = await receiver.find('server', serverSpan);
    expect(server).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID, status: undefined });
    const [controller] = await receiver.find('controller', (span) =>
      /^Probe(Http|Grpc)Controller\./.test(span.name),
    );
    expect(controller?.parentSpanId).toBe(server?.spanId);
    const [service] = await receiver.find('service', (span) => span.name.startsWith('ProbeService.'));
    expect(service?.traceId).toBe(TRACE_ID);
    if (name !== 'gRPC server stream') expect(service?.parentSpanId).toBe(controller?.spanId);
    for (const span of receiver.spans) expect(span.end).toBeGreaterThanOrEqual(span.start);
  });

  test('a failure is an error with its stack', async () => {
    await call(app, 'fail');
    const [server] = await receiver.find('server', serverSpan);
    expect(server?.status?.code).toBe(2);
    expect(server?.events[0]?.attributes['exception.message']).toBe('a secret of the inside');
    expect(server?.attributes).toMatchObject(
      isGrpc ? { 'rpc.response.status_code': 'INTERNAL' } : { 'http.response.status_code': 500 },
    );
  });

  test('a caller that does not sample is followed', async () => {
    await call(app, 'echo', { headers: { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` } });
    await call(app, 'swap');
    await receiver.find('the second call', serverSpan);
    expect(receiver.spans.filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
  });
});

test('what routing and limits refuse has a server span too', async () => {
  await app.http.get('/nowhere');
  await app.http.send('/probe', { method: 'PUT' });
  await app.http.send('/probe', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
  await sendRaw(app.http.address, 'BREW / HTTP/1.1\r\nhost: test\r\n\r\n', 5000);
  const spans = await receiver.find('refused', serverSpan, 4);
  expect(spans.map(({ name, attributes }) => [name, attributes['http.response.status_code']])).toEqual([
    ['GET', 404],
    ['PUT', 405],
    ['POST /probe', 415],
    ['HTTP', 400],
  ]);
});

test('a REST span has the attributes of the semantic conventions', async () => {
  await app.http.get('/probe/query?word=abc', { 'user-agent': 'tester' });
  const [span] = await receiver.find('server', serverSpan);
  expect(span).toMatchObject({
    name: 'GET /probe/query',
    scope: { name: 'chassis' },
    resource: { 'service.name': SERVICE_NAME, 'deployment.environment.name': 'test' },
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/probe/query',
      'http.response.status_code': 200,
      'url.path': '/probe/query',
      'url.query': 'word=abc',
      'url.scheme': 'http',
      'client.address': '127.0.0.1',
      'user_agent.original': 'tester',
    },
  });
});

test('what a query says of secrets is not in a span', async () => {
  await app.http.get('/probe/query?access_token=hush&word=abc&sig=hush');
  const [span] = await receiver.find('server', serverSpan);
  expect(span?.attributes).toMatchObject({ 'url.query': 'access_token=REDACTED&word=abc&sig=REDACTED' });
});

test('a gRPC span has the attributes of the semantic conventions', async () => {
  await app.grpc.unary(Probes.unary, order('echo'));
  const [span] = await receiver.find('server', serverSpan);
  expect(span).toMatchObject({
    name: 'probe.v1.ProbeService/Unary',
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': 'probe.v1.ProbeService/Unary',
      'rpc.response.status_code': 'OK',
    },
  });
});

test('the sampling ratio is changed while the service runs', async () => {
  const { Tracing } = await import('#chassis/tracing');
  app.get(Tracing).sampler.ratio = 0;
  await app.http.get('/probe/echo');
  app.get(Tracing).sampler.ratio = 1;
  await app.http.get('/probe/swap');
  await receiver.find('the second call', serverSpan);
  expect(receiver.spans.filter(serverSpan)).toHaveLength(1);
});

test('the problem of a failed call names its trace', async () => {
  const { body } = await app.http.get('/probe/fail', { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` });
  expect(body.traceId).toBe(TRACE_ID);
});
