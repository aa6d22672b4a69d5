import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, ProbeModule, TestApp } from '../support/index.js';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';

type Line = Readonly<Record<string, string | number>>;

interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly traceId: string;
  readonly spanId: string;
  readonly seconds: number;
}

const BUCKET = /^(?<name>\w+)_bucket\{(?<labels>.*?)\} \d+ # \{(?<exemplar>.*?)\} (?<seconds>\S+) \d/;

const lines: Line[] = [];
let receiver: OtlpReceiver;
let app: TestApp;
let traceId: string;

/** One failing REST call that crosses to gRPC and the database. */
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule],
    config: {
      LOG_LEVEL: 'info',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
      OTEL_BSP_SCHEDULE_DELAY: 20,
    },
    logTo: { write: (text) => void lines.push(JSON.parse(text) as Line) },
  });
  const body = { reason: 'relay', domain: app.grpc.address, metadata: { next: 'broken-query' } };
  const answer = await app.http.post('/probe', body);
  expect(answer.status).toBe(500);
  traceId = answer.body.traceId;
  await eventually('both call lines', () => callLines().length === 2);
  await receiver.find('the server span of REST', ({ name }) => name === 'POST /probe');
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});

const callLines = () => linesOf(traceId).filter(({ msg }) => msg === 'call');
const linesOf = (trace: string) => lines.filter((line) => line['trace_id'] === trace);
const spansOf = (trace: string) => receiver.spans.filter((span) => span.traceId === trace);

/** Exemplars of a histogram's buckets, as a scrape by Prometheus reads them. */
async function exemplarsOf(histogram: string): Promise<Exemplar[]> {
  const accept = 'application/openmetrics-text; version=1.0.0';
  const response = await fetch(`http://${app.management.address}/metrics`, { headers: { accept } });
  const found = (await response.text()).split('\n').map((line) => BUCKET.exec(line)?.groups);
  return found
    .filter((groups) => groups?.['name'] === histogram)
    .map((groups) => {
      const { trace_id, span_id } = labelsOf(groups?.['exemplar']);
      return {
        labels: labelsOf(groups?.['labels']),
        traceId: trace_id ?? '',
        spanId: span_id ?? '',
        seconds: Number(groups?.['seconds']),
      };
    });
}

function labelsOf(text = ''): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)="(.*?)"/g)].map(([, name, value]) => [name, value]));
}

/** The spans below each span, from the only root down. */
function treeOf(spans: readonly ReceivedSpan[]): string[] {
  const below = (parent: string, depth: number): string[] =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .flatMap(({ name, spanId }) => [`${'  '.repeat(depth)}${name}`, ...below(spanId, depth + 1)]);
  return below('', 0);
}

test('from the metric: its exemplar leads to the trace, the trace to every log line', async () => {
  const exemplars = await exemplarsOf('http_server_request_duration_seconds');
  const failed = exemplars.find(({ labels }) => labels['http_response_status_code'] === '500');
  expect(failed?.labels['http_route']).toBe('/probe');

  const spans = spansOf(failed?.traceId ?? '');
  expect(treeOf(spans)).toEqual([
    'POST /probe',
    '  ValidationPipe.transform',
    '  ProbeHttpController.post',
    '    ProbeService.run',
    '      probe.v1.ProbeService/Unary',
    '        probe.v1.ProbeService/Unary',
    '          ValidationPipe.transform',
    '          ProbeGrpcController.unary',
    '            ProbeService.run',
    '              select nowhere',
  ]);
  expect(spans.find(({ spanId }) => spanId === failed?.spanId)?.name).toBe('POST /probe');

  const spanIds = new Set(spans.map(({ spanId }) => spanId));
  const found = linesOf(failed?.traceId ?? '');
  expect(found.map(({ msg, transport, level }) => [msg, transport, level])).toEqual([
    ['call failed', undefined, 'error'],
    ['call', 'grpc', 'error'],
    ['call failed', undefined, 'error'],
    ['call', 'http', 'error'],
  ]);
  for (const line of found) expect(spanIds).toContain(line['span_id']);
});

test.each([
  {
    transport: 'http',
    histogram: 'http_server_request_duration_seconds',
    series: { http_route: '/probe', http_request_method: 'POST', http_response_status_code: '500' },
  },
  {
    transport: 'grpc',
    histogram: 'rpc_server_call_duration_seconds',
    series: { rpc_service: 'probe.v1.ProbeService', rpc_method: 'Unary', rpc_grpc_status_code: 'INTERNAL' },
  },
])('from the $transport log line: to its span, and to the bucket that counts it', async (row) => {
  const line = callLines().find(({ transport }) => transport === row.transport);
  const span = spansOf(traceId).find(({ spanId }) => spanId === line?.['span_id']);
  expect(span?.kind).toBe(2);
  const exemplars = await exemplarsOf(row.histogram);
  const counted = exemplars.find((exemplar) => exemplar.spanId === line?.['span_id']);
  expect(counted?.labels).toMatchObject({ ...row.series, le: line?.['latency_bucket'] });
  expect(counted?.seconds).toBeCloseTo(Number(line?.['latency_ms']) / 1000, 5);
});

test('both sides say how they failed in the same words', () => {
  const spans = spansOf(traceId).filter(({ kind }) => kind === 2);
  expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(['INTERNAL', 'INTERNAL']);
  expect(callLines().map(({ reason }) => reason)).toEqual(['INTERNAL', 'INTERNAL']);
});
