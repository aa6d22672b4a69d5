import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Tracing } from '#chassis/tracing';
import { eventually, ProbeModule, TestApp } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';

let receiver: OtlpReceiver;
let app: TestApp | undefined;
beforeEach(async () => {
  receiver = await OtlpReceiver.start();
});
afterEach(async () => {
  await app?.stop();
  await receiver.stop();
});

async function start(config: Readonly<Record<string, unknown>> = {}): Promise<TestApp> {
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20, ...config },
  });
  return app;
}

test.each([
  ['http/protobuf', {}],
  ['http/protobuf', { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }],
  ['grpc', {}],
])('spans arrive by %s %j', async (protocol, more) => {
  const endpoint = protocol === 'grpc' ? receiver.grpcUrl : receiver.httpUrl;
  const { http } = await start({
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    ...more,
  });
  await http.get('/probe/echo');
  await receiver.find('server span', ({ kind }) => kind === 2);
});

test('headers and resource attributes go along', async () => {
  const { http } = await start({
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-team=core',
    OTEL_RESOURCE_ATTRIBUTES: 'cloud.region=eu%2C1,service.namespace=shop',
  });
  await http.get('/probe/echo');
  const [span] = await receiver.find('server span', ({ kind }) => kind === 2);
  expect(span?.resource).toMatchObject({ 'cloud.region': 'eu,1', 'service.namespace': 'shop' });
  expect(receiver.requests[0]).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'core' });
});

test.each([
  { status: 503 },
  // Node closes the connection, and tells of neither an answer nor an error.
  { status: 101, headers: { connection: 'upgrade', upgrade: 'websocket' } },
])('what the collector cannot take now ($status) is sent again', async (behaviour) => {
  receiver.behaviour = behaviour;
  const { http } = await start();
  await http.get('/probe/echo');
  await eventually('the first try', () => receiver.requests.length === 1);
  receiver.behaviour = 'accept';
  await receiver.find('server span', ({ kind }) => kind === 2);
});

test('a collector that asks for more time than a timer can take is not asked again at once', async () => {
  receiver.behaviour = { status: 429, headers: { 'retry-after': '2592000' } };
  const started = await start();
  await started.http.get('/probe/echo');
  await eventually('the first try', () => receiver.requests.length === 1);
  await sleep(200);
  expect(receiver.requests).toHaveLength(1);
});

test.each(['http/protobuf', 'grpc'])(
  'what the collector rejects of a request is counted (%s)',
  async (protocol) => {
    receiver.behaviour = { rejected: 1 };
    const started = await start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? receiver.grpcUrl : receiver.httpUrl,
      TRACES_SPANS: 'server',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 2,
      OTEL_BSP_SCHEDULE_DELAY: 60_000,
    });
    await started.http.get('/probe/echo');
    await started.http.get('/probe/echo');
    const { counts } = started.get(Tracing);
    await eventually('the request is counted', () => counts.exported > 0);
    expect(counts).toEqual({ exported: 1, droppedQueueFull: 0, droppedRefused: 1 });
  },
);

test('what the collector refuses is dropped and counted', async () => {
  receiver.behaviour = { status: 400 };
  const started = await start();
  await started.http.get('/probe/echo');
  const { counts } = started.get(Tracing);
  await eventually('the drop is counted', () => counts.droppedRefused > 0);
  expect(receiver.requests).toHaveLength(1);
});

describe('a collector that never answers', () => {
  test('has no effect on calls, and the queue stays bounded', async () => {
    receiver.behaviour = 'hang';
    const started = await start({ OTEL_BSP_MAX_QUEUE_SIZE: 20, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 5 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => started.http.get('/probe/echo')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const { counts } = started.get(Tracing);
    await eventually('drops are counted', () => counts.droppedQueueFull > 0);
  });

  test('does not hold up the end for longer than SHUTDOWN_TELEMETRY_MS', async () => {
    receiver.behaviour = 'hang';
    const started = await start({ SHUTDOWN_TELEMETRY_MS: 300 });
    await started.http.get('/probe/echo');
    const begin = Date.now();
    await started.stop();
    app = undefined;
    expect(Date.now() - begin).toBeLessThan(2500);
  });
});

test('the last spans are sent before the end', async () => {
  const started = await start({ OTEL_BSP_SCHEDULE_DELAY: 60_000 });
  await started.http.get('/probe/echo');
  await started.stop();
  app = undefined;
  expect(receiver.spans.some(({ kind }) => kind === 2)).toBe(true);
});

describe('a call that the head did not sample', () => {
  const unsampled = { OTEL_TRACES_SAMPLER: 'always_off' };

  test('is exported with its server span when it failed', async () => {
    const { http } = await start(unsampled);
    await http.get('/probe/echo');
    const { body } = await http.get('/probe/fail');
    const [span] = await receiver.find('failed call', ({ kind }) => kind === 2);
    expect(receiver.spans).toHaveLength(1);
    expect(span).toMatchObject({ traceId: body.traceId, status: { code: 2 } });
  });

  test('is not when the option is off', async () => {
    const started = await start({ ...unsampled, TRACES_KEEP_ERRORS: 'false' });
    await started.http.get('/probe/fail');
    await started.stop();
    app = undefined;
    expect(receiver.spans).toEqual([]);
  });
});

test.each([
  ['TRACES_SPANS', 'server', ['GET /probe/:reason']],
  [
    'TRACES_EXCLUDE',
    'ProbeService',
    ['GET /probe/:reason', 'ProbeHttpController.get', 'ValidationPipe.transform'],
  ],
  ['TRACES_EXCLUDE', 'ProbeHttpController.get, ValidationPipe', ['GET /probe/:reason', 'ProbeService.run']],
])('%s=%s leaves %j', async (key, value, names) => {
  const started = await start({ [key]: value });
  await started.http.get('/probe/echo');
  await started.stop();
  app = undefined;
  expect(receiver.spans.map(({ name }) => name).toSorted()).toEqual(names);
});
