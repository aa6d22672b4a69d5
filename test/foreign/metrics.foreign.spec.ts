import { afterAll, beforeAll, expect, test } from 'vitest';
import { MetricsRegistry } from '#chassis/metrics';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { eventually, ProbeModule, SHAPES, TestApp } from '../support/index.js';
import { checkWithPromtool, parseWithPython } from '../support/prometheus-tools.js';
import { Scrape } from '../support/scrape.js';

const OPENMETRICS = 'application/openmetrics-text';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const headers = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };

let receiver: OtlpReceiver;
let app: TestApp;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl },
  });
  const metrics = app.get(MetricsRegistry);
  const labels = { name: 'odd_info', help: 'Odd "help" \\ of\ntwo lines.', labels: ['text'] } as const;
  metrics.gauge(labels).labels('a "b" \\ c\nd } # {é').set(1);
  metrics.counter({ name: 'added_total', help: 'Added at run time.' }).inc(1e21);
  metrics.histogram({ name: 'added_bytes', help: 'Added at run time.', buckets: [1, 1024, 1e21] }).observe(3);
  for (const { call } of SHAPES) {
    await call(app, 'echo', { headers });
    await call(app, 'fail', { headers });
  }
  await app.http.get('/nowhere');
  await eventually('no active call', async () => (await Scrape.of(app)).sum('rpc_server_active_calls') === 0);
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});

test('promtool has no complaint about a scrape', async () => {
  expect(checkWithPromtool((await Scrape.of(app)).text)).toBe('');
});

test('promtool would complain', () => {
  expect(checkWithPromtool('# HELP a_count x\n# TYPE a_count gauge\na_count 1\n')).toContain('a_count');
});

test("Prometheus' Python parser reads every family of the OpenMetrics form", async () => {
  const { text } = await Scrape.of(app, OPENMETRICS);
  const described = app.get(MetricsRegistry).describe();
  const expected = described.map(({ name, type }) => [
    type === 'counter' ? name.replace(/_total$/, '') : name,
    type,
  ]);
  expect(parseWithPython(text).families).toEqual(Object.fromEntries(expected));
});

test("Prometheus' Python parser finds the trace of each call in the exemplars", async () => {
  const { exemplars } = parseWithPython((await Scrape.of(app, OPENMETRICS)).text);
  const calls = exemplars
    .filter(({ exemplar }) => exemplar['trace_id'] === TRACE_ID)
    .map(({ labels }) => labels['rpc_method'] ?? labels['http_route']);
  expect([...new Set(calls)].toSorted()).toEqual(['/probe', 'Bidi', 'ClientStream', 'ServerStream', 'Unary']);
});
