import { status } from '@grpc/grpc-js';
import type { DestinationStream } from 'pino';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Tracing } from '#chassis/tracing';
import { TestAuthority } from '../support/certificates.js';
import { FreezingProxy } from '../support/freezing-proxy.js';
import { eventually, ProbeModule, TestApp } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { TlsFiles } from '../support/tls-files.js';

let receiver: OtlpReceiver;
let app: TestApp | undefined;
beforeEach(async () => {
  receiver = await OtlpReceiver.start();
});
afterEach(async () => {
  vi.useRealTimers();
  await app?.stop();
  await receiver.stop();
});

async function start(
  config: Readonly<Record<string, unknown>> = {},
  logTo?: DestinationStream,
): Promise<TestApp> {
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20, ...config },
    ...(logTo && { logTo }),
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

const overGrpc = () => ({
  OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 1,
  TRACES_SPANS: 'server',
});

test('a collector over gRPC that has too much to do is asked again where it says that it will have less', async () => {
  receiver.behaviour = { code: status.RESOURCE_EXHAUSTED, retrySeconds: 1 };
  const started = await start(overGrpc());
  const begin = Date.now();
  await started.http.get('/probe/echo');
  await eventually('the first try', () => receiver.grpcRequests === 1);
  receiver.behaviour = 'accept';
  await receiver.find('server span', ({ kind }) => kind === 2);
  // As long as it has asked for, where the first back-off is 750 ms at most.
  expect(Date.now() - begin).toBeGreaterThanOrEqual(1000);
});

test('one that does not say so has refused', async () => {
  receiver.behaviour = { code: status.RESOURCE_EXHAUSTED };
  const started = await start(overGrpc());
  await started.http.get('/probe/echo');
  const { counts } = started.get(Tracing);
  await eventually('the drop is counted', () => counts.droppedRefused === 1);
  expect(receiver.grpcRequests).toBe(1);
});

test.each([
  ['2592000', 60_000],
  [new Date(Date.now() + 86_400_000).toUTCString(), 60_000],
  ['30', 30_000],
])('a collector that asks for %s is asked again after %i ms, a minute at most', async (asked, waitMs) => {
  receiver.behaviour = { status: 429, headers: { 'retry-after': asked } };
  const lines: string[] = [];
  const { http } = await start(
    { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 1, TRACES_SPANS: 'server', LOG_LEVEL: 'warn' },
    { write: (line) => lines.push(line) },
  );
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await http.get('/probe/echo');
  await eventually('the answer is told', () => lines.length > 0);
  vi.advanceTimersByTime(waitMs - 1);
  await http.get('/probe/echo');
  expect(receiver.requests).toHaveLength(1);
  vi.advanceTimersByTime(1);
  await eventually('the second try', () => receiver.requests.length === 2);
});

test.each(['http/protobuf', 'grpc'])(
  'a connection on which nothing comes is left for another (%s)',
  async (protocol) => {
    const url = new URL(protocol === 'grpc' ? receiver.grpcUrl : receiver.httpUrl);
    await using proxy = await FreezingProxy.start({ host: url.hostname, port: Number(url.port) });
    const { http } = await start({
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: 500,
      TRACES_SPANS: 'server',
    });
    await http.get('/probe/echo');
    await receiver.find('before', ({ kind }) => kind === 2);
    proxy.freeze();
    await http.get('/probe/echo');
    await receiver.find('after', ({ kind }) => kind === 2, 2);
  },
);

test.each(['http/protobuf', 'grpc'])('TLS with the authority of the configuration (%s)', async (protocol) => {
  const [authority, other] = await Promise.all([TestAuthority.create(), TestAuthority.create('Another')]);
  const secure = await OtlpReceiver.start(await authority.issue({ name: 'collector' }));
  onTestFinished(() => secure.stop());
  const files = TlsFiles.with({ cert: authority.certificate, key: '' });
  onTestFinished(() => [authority, other, files].forEach((each) => each.remove()));
  const settings = {
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? secure.grpcUrl : secure.httpUrl,
  };
  const trusting = await start({ ...settings, OTEL_EXPORTER_OTLP_CERTIFICATE: files.path('tls.crt') });
  await trusting.http.get('/probe/echo');
  await secure.find('server span', ({ kind }) => kind === 2);
  await trusting.stop();
  secure.spans.length = 0;
  const lines: string[] = [];
  const wary = await start(
    {
      ...settings,
      OTEL_EXPORTER_OTLP_CERTIFICATE: files.replace('other.crt', other.certificate),
      LOG_LEVEL: 'warn',
    },
    { write: (line) => lines.push(line) },
  );
  expect((await wary.http.get('/probe/echo')).status).toBe(200);
  await eventually('the cause is told', () => lines.length > 0);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ cause: expect.stringContaining('certificate') });
  expect(secure.spans).toEqual([]);
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
