import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { PrometheusServer } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const CHECK = join(PROJECT, 'scripts/stack/check.command.ts');
/** A port that nobody can listen on without rights. */
const NOBODY = 'http://127.0.0.1:9';

// Each check is a program of its own that starts.
const LIMIT = { timeout: 180_000 };

let receiver: OtlpReceiver;
let service: ServiceProcess;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  service = await startProcess({
    program: join(PROJECT, 'test/process/fixtures/echo-service.ts'),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
  await service.ready();
});
afterAll(async () => {
  await service.stop('SIGKILL');
  await receiver.stop();
});

test('test-metrics finds its call as an exemplar in a real Prometheus', LIMIT, async () => {
  await using prometheus = await PrometheusServer.start({
    config: JSON.stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: [
        { job_name: 'service', static_configs: [{ targets: [service.address('management')] }] },
      ],
    }),
  });
  const { code, output } = await check('metrics', { PROMETHEUS_URL: `http://127.0.0.1:${prometheus.port}` });
  expect(output).toMatch(/✓ found in Prometheus after \d+ s: a call of [\d.e-]+ s, trace [0-9a-f]{32}/);
  expect(code).toBe(0);
});

test(
  "test-logs asks Loki for its call's trace id and is content with the line of its request",
  LIMIT,
  async () => {
    const asked: URLSearchParams[] = [];
    await using loki = await startStore((url) => {
      asked.push(url.searchParams);
      const values = service.lines
        .filter((line) => url.searchParams.get('query')?.includes(String(line['trace_id'])))
        .map((line) => ['1', JSON.stringify(line)]);
      return { status: 'success', data: { resultType: 'streams', result: [{ stream: {}, values }] } };
    });
    const { code, output } = await check('logs', { LOKI_URL: loki.url });
    expect(output).toMatch(/✓ found in Loki after \d+ s: \{.*"request_id":"stack-check-[0-9a-f]{8}"/);
    expect(code).toBe(0);
    expect(asked[0]?.get('query')).toMatch(/^\{service_name=~"\.\+"\} \| trace_id = `[0-9a-f]{32}`$/);
    expect(asked[0]?.get('start')).toMatch(/^\d{19}$/);
  },
);

test(
  'test-traces finds in Tempo what the service has exported, marked so that sampling keeps it',
  LIMIT,
  async () => {
    await using tempo = await startStore(({ pathname }) => {
      const spans = receiver.spans.filter(({ traceId }) => pathname === `/api/traces/${traceId}`);
      return spans.length > 0 ? { batches: [{ scopeSpans: [] }] } : undefined;
    });
    const { code, output } = await check('traces', { TEMPO_URL: tempo.url });
    const [, traceId = ''] = /✓ found in Tempo after \d+ s: trace ([0-9a-f]{32})/.exec(output) ?? [];
    expect(code).toBe(0);
    expect(receiver.spans.find((span) => span.traceId === traceId)?.traceState).toBe('keep=1');
  },
);

test('a check that fails says who does not answer, or where the call got lost', LIMIT, async () => {
  const noStack = await check('logs', { SERVICE_URL: NOBODY });
  expect(noStack.code).toBe(1);
  expect(noStack.output).toMatch(
    /the service does not answer at http:\/\/127\.0\.0\.1:9 \(.*\): is the stack up\? make stack-up/,
  );
  const noLoki = await check('logs', { LOKI_URL: NOBODY });
  expect(noLoki.output).toContain('Loki does not answer at http://127.0.0.1:9');
  await using empty = await startStore(() => ({ data: { result: [] } }));
  const lost = await check('logs', { LOKI_URL: empty.url, STACK_CHECK_TIMEOUT_S: '1' });
  expect(lost.code).toBe(1);
  expect(lost.output).toMatch(/None of 1 calls was in Loki after 1 s\. Its way: service → /);
  expect((await check('nothing')).code).toBe(2);
});

test('stack-up and stack-down without an engine say so, and what there is instead', LIMIT, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'no-engine-'));
  for (const program of ['bash', 'cat', 'dirname', 'env'])
    symlinkSync(`/usr/bin/${program}`, join(folder, program));
  for (const command of ['up', 'down', 'clean']) {
    const { code, output } = await run(join(PROJECT, 'scripts/stack/compose.sh'), [command], {
      PATH: folder,
    });
    expect(code).toBe(1);
    expect(output).toContain('No container engine is here.');
    expect(output).toContain('make stack-verify');
  }
  rmSync(folder, { recursive: true });
});

test('make lists every target of the stack with what it does', LIMIT, async () => {
  const { output } = await run('make', ['help'], { PATH: process.env['PATH'] ?? '' });
  for (const target of [
    'stack-up',
    'stack-down',
    'stack-verify',
    'test-logs',
    'test-metrics',
    'test-traces',
    'clean',
  ])
    expect(output).toMatch(new RegExp(`^  make ${target} +[A-Z].{20}`, 'm'));
});

function check(what: string, env: Readonly<Record<string, string>> = {}) {
  return run('node', [CHECK, what], {
    PATH: process.env['PATH'] ?? '',
    SERVICE_URL: service.http.url,
    ...env,
  });
}

function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { env, cwd: PROJECT, timeout: 180_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}

/** Answers as a store that cannot be installed here would; 404 for `undefined`. */
async function startStore(
  answer: (url: URL) => object | undefined,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((request, response) => {
    const body = answer(new URL(request.url ?? '/', 'http://store'));
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
