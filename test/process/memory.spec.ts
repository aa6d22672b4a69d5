import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HealthCheckRequest } from '#generated/grpc/health/v1/health';
import { GrpcClient } from '../../bench/harness/grpc-client.ts';
import { HttpClient } from '../../bench/harness/http-client.ts';
import { startProcess } from '../support/service-process.js';
import { V8Inspector } from '../support/v8-inspector.js';

/** Half of them over REST, half over gRPC. */
const [FIRST_CALLS, MORE_CALLS] = process.env['SOAK'] ? [50_000, 950_000] : [30_000, 30_000];
const TIMEOUT_MS = process.env['SOAK'] ? 1_800_000 : 240_000;
const GROWTH_LIMIT = 1.1;
const CONNECTIONS = 32;
/** Nobody listens there: every batch of spans is tried again and dropped in the end. */
const COLLECTOR_AWAY = 'http://127.0.0.1:9';

test(
  `the heap is back after ${FIRST_CALLS + MORE_CALLS} calls with everything on and the collector away`,
  { timeout: TIMEOUT_MS },
  async () => {
    await using service = await startProcess({
      program: join(import.meta.dirname, 'fixtures/echo-service.ts'),
      keepsLines: false,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR_AWAY, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
    });
    await service.ready();
    await using inspector = await V8Inspector.of(service);
    const http = await HttpClient.open({
      port: service.port('http'),
      requests: [Buffer.from('GET /echo/word HTTP/1.1\r\nhost: test\r\nuser-agent: memory\r\n\r\n')],
      expectedStatus: 200,
      connections: CONNECTIONS,
    });
    const grpc = await GrpcClient.open({
      port: service.port('grpc'),
      path: '/echo.v1.EchoService/Echo',
      messages: [HealthCheckRequest.encode({ service: 'word' }).finish()],
      authorizations: ['none'],
    });
    const callBoth = async (calls: number): Promise<number> => {
      await http.run({ calls: calls / 2 });
      await grpc.run({ calls: calls / 2 });
      return inspector.heapUsedAfterCollection();
    };
    const before = await callBoth(FIRST_CALLS);
    const after = await callBoth(MORE_CALLS);
    const metrics = await service.management.get('/metrics');
    http.close();
    grpc.close();
    const dropped = /^otel_spans_dropped_total\{.*\} (\d+)$/m.exec(String(metrics.body))?.[1];
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    process.stdout.write(
      `memory: ${mib(before)} after ${FIRST_CALLS} calls, ${mib(after)} after ${MORE_CALLS} more; ${dropped} spans dropped\n`,
    );
    expect(Number(dropped)).toBeGreaterThan(FIRST_CALLS);
    expect(after / before).toBeLessThan(GROWTH_LIMIT);
  },
);
