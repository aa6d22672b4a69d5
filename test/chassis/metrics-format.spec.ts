import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Config } from '#chassis/config';
import { Database } from '#chassis/database';
import { MetricsRegistry } from '#chassis/metrics';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { eventually, ProbeModule, SHAPES, TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const OPENMETRICS = 'application/openmetrics-text';
/** What Prometheus 2.42 and 3 send. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

let receiver: OtlpReceiver;
let app: TestApp;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule],
    config: {
      DATA_DIR: 'memory://',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
      SERVICE_NAME: 'billing',
      SERVICE_VERSION: '1.2.3',
      SERVICE_COMMIT: 'abc',
    },
  });
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});

test.each([
  ['', 'text'],
  ['*/*', 'text'],
  ['text/plain', 'text'],
  ['text/html, */*;q=0.1', 'text'],
  ['application/json', 'text'],
  ['nonsense;;q=', 'text'],
  [OPENMETRICS, 'openmetrics'],
  [`${OPENMETRICS}; version=1.0.0`, 'openmetrics'],
  [`${OPENMETRICS.toUpperCase()};version="0.0.1"`, 'openmetrics'],
  [`${OPENMETRICS};version=9.9`, 'text'],
  [`${OPENMETRICS};q=0`, 'text'],
  [`${OPENMETRICS};q=0.3, text/plain;q=0.4`, 'text'],
  [`${OPENMETRICS};q=0.4, text/plain;q=0.4`, 'openmetrics'],
  [`${OPENMETRICS};q=0.4, text/*;q=0.5`, 'text'],
  [`${OPENMETRICS};q=0.4, text/plain;q=0.1, */*`, 'openmetrics'],
  [PROMETHEUS_2, 'openmetrics'],
  [PROMETHEUS_3, 'openmetrics'],
])('Accept %j gets %s', async (accept, format) => {
  const { status, headers, body } = await app.management.get('/metrics', { accept });
  expect([status, headers.get('vary')]).toEqual([200, 'accept']);
  const type = headers.get('content-type');
  if (format === 'text') expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  else expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(body.endsWith('# EOF\n')).toBe(format === 'openmetrics');
});

test('a scrape without Accept gets text', async () => {
  const { contentType } = await app.get(MetricsRegistry).expose();
  expect(contentType).toContain('text/plain');
});

test('the public port has no /metrics', async () => {
  expect((await app.http.get('/metrics')).status).toBe(404);
});

/** Trace ids among the exemplars of the duration histograms, after `call` has ended. */
async function exemplars(isGrpc: boolean): Promise<string[]> {
  const gauge = isGrpc ? 'rpc_server_active_calls' : 'http_server_active_requests';
  await eventually('no active call', async () => (await Scrape.of(app)).sum(gauge) === 0);
  const scrape = await Scrape.of(app, OPENMETRICS);
  const name = isGrpc
    ? 'rpc_server_call_duration_seconds_bucket'
    : 'http_server_request_duration_seconds_bucket';
  return scrape.find(name).flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar]));
}

describe.each(SHAPES)('over $name', ({ call, isGrpc }) => {
  const traceId = (): string => crypto.randomUUID().replaceAll('-', '');

  test('a sampled call is the exemplar of its bucket, an unsampled one is not', async () => {
    const [sampled, unsampled] = [traceId(), traceId()];
    await call(app, 'echo', { headers: { traceparent: `00-${sampled}-${PARENT_ID}-01` } });
    await call(app, 'echo', { headers: { traceparent: `00-${unsampled}-${PARENT_ID}-00` } });
    const found = await exemplars(isGrpc);
    const pattern = new RegExp(
      String.raw`^\{trace_id="${sampled}",span_id="[0-9a-f]{16}"\} \d+(\.\d+)?(e-\d+)? \d{10}(\.\d{1,3})?$`,
    );
    expect(found.filter((exemplar) => exemplar.includes(sampled))).toEqual([expect.stringMatching(pattern)]);
    expect(found.filter((exemplar) => exemplar.includes(unsampled))).toEqual([]);
  });
});

test('an exemplar lies in its bucket', async () => {
  await app.http.post(
    '/probe',
    { reason: 'wait' },
    { 'x-request-timeout-ms': '120', traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` },
  );
  await exemplars(false);
  const buckets = (await Scrape.of(app, OPENMETRICS)).find('http_server_request_duration_seconds_bucket', {
    http_response_status_code: '504',
  });
  const bucket = buckets.find(({ exemplar }) => exemplar?.includes(TRACE_ID));
  expect(['0.25', '0.5', '0.75', '1.0']).toContain(bucket?.labels['le']);
});

test('the text format has no exemplars', async () => {
  await app.http.get('/probe/echo');
  expect((await Scrape.of(app)).samples.filter(({ exemplar }) => exemplar !== undefined)).toEqual([]);
});

test('service_info tells the build', async () => {
  const [info, ...others] = (await Scrape.of(app)).find('service_info');
  expect(others).toEqual([]);
  expect(info).toMatchObject({
    value: 1,
    labels: { name: 'billing', version: '1.2.3', env: 'test', commit: 'abc' },
  });
});

test('db_client_connections tells the state of the pool', async () => {
  const states = (await Scrape.of(app)).find('db_client_connections');
  expect(states.map(({ labels }) => labels['state'])).toEqual(['used', 'idle']);
  for (const { value } of states) expect(value).toBeGreaterThanOrEqual(0);
});

test('without an audit trail none is reported as failing', async () => {
  expect(app.get<Config>(Config).get('AUDIT_SINK')).toBe('none');
  expect((await Scrape.of(app)).find('audit_sink_up')).toMatchObject([{ value: 1 }]);
});

test('the pool tells how many connections it may have, and what waits for one', async () => {
  const held = await app.get(Database).query.startTransaction().execute();
  const waiting = app.http.get('/probe/select');
  try {
    await eventually('the call waits', async () => {
      return (await Scrape.of(app)).sum('db_client_connections_pending_requests') === 1;
    });
    expect((await Scrape.of(app)).find('db_client_connections_max')).toMatchObject([
      { labels: { pool: 'embedded' }, value: 1 },
    ]);
  } finally {
    await held.rollback().execute();
  }
  expect((await waiting).status).toBe(200);
  expect((await Scrape.of(app)).sum('db_client_connections_pending_requests')).toBe(0);
});

test('the state of the runtime is there, and of this process', async () => {
  for (let count = 0; count < 3e7; count++);
  const scrape = await Scrape.of(app);
  const positive = [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'nodejs_eventloop_time_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
    'nodejs_heap_size_limit_bytes',
    'nodejs_heap_space_size_used_bytes',
    'nodejs_active_handles',
    'nodejs_active_resources',
    'nodejs_version_info',
  ];
  expect(positive.filter((name) => !(scrape.sum(name) > 0))).toEqual([]);
  expect(scrape.text).toContain('# TYPE nodejs_gc_duration_seconds histogram');
  const ratio = scrape.sum('nodejs_eventloop_utilization_ratio');
  expect(ratio).toBeGreaterThan(0);
  expect(ratio).toBeLessThanOrEqual(1);
});
