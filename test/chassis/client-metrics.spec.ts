import { Controller, Get, Module, Query } from '@nestjs/common';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MetricsRegistry } from '#chassis/metrics';
import { createGrpcClientInterceptor, Tracing } from '#chassis/tracing';
import { GrpcTestClient } from '../support/grpc-test-client.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const HTTP = 'http_client_request_duration_seconds';
const RPC = 'rpc_client_call_duration_seconds';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SAMPLED = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };

/** Calls other services. */
@Controller('caller')
class CallerController {
  constructor(
    private readonly tracing: Tracing,
    private readonly metrics: MetricsRegistry,
  ) {}

  @Get('fetch')
  async fetch(@Query('url') url: string): Promise<object> {
    await fetch(url).then(
      (response) => response.text(),
      () => undefined,
    );
    return {};
  }

  @Get('rpc')
  async rpc(@Query('address') address: string, @Query('reason') reason: string): Promise<object> {
    const interceptors = [createGrpcClientInterceptor(this.tracing.tracer, this.metrics)];
    const client = new GrpcTestClient(address);
    await client.unary(Probes.unary, order(reason), { interceptors }).catch(() => undefined);
    client.close();
    return {};
  }
}

@Module({ controllers: [CallerController] })
class CallerModule {}

let receiver: OtlpReceiver;
let app: TestApp;
/** This machine by a name that no test's own request uses. */
let target: string;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule, CallerModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl },
  });
  target = app.http.url.replace('127.0.0.1', 'localhost');
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});

const fetchBy = (url: string, headers = {}) =>
  app.http.get(`/caller/fetch?url=${encodeURIComponent(url)}`, headers);
const rpcBy = (reason: string, headers = {}) =>
  app.http.get(`/caller/rpc?address=${app.grpc.address}&reason=${reason}`, headers);

test('requests by fetch are counted by server and outcome', async () => {
  await fetchBy(`${target}/probe/echo`);
  await fetchBy(`${target}/probe/echo`);
  await fetchBy(`${target}/nowhere`);
  const rude = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => rude.listen(0, resolve));
  await fetchBy(`http://localhost:${(rude.address() as AddressInfo).port}/`);
  rude.close();
  const count = async (status: string) =>
    (await Scrape.of(app)).sum(`${HTTP}_count`, {
      http_request_method: 'GET',
      server_address: 'localhost',
      http_response_status_code: status,
    });
  await eventually('all are counted', async () => (await count('')) === 1);
  expect(await Promise.all([count('200'), count('404')])).toEqual([2, 1]);
});

test('gRPC calls are counted by rpc and outcome, sampled or not', async () => {
  await rpcBy('echo');
  await rpcBy('echo', { traceparent: SAMPLED.traceparent.replace(/01$/, '00') });
  await rpcBy('refuse');
  const scrape = await Scrape.of(app);
  const labels = { rpc_service: 'probe.v1.ProbeService', rpc_method: 'Unary' };
  const count = (code: string) => scrape.sum(`${RPC}_count`, { ...labels, rpc_grpc_status_code: code });
  expect([count('OK'), count('FAILED_PRECONDITION')]).toEqual([2, 1]);
});

test('the exemplars are those of the call that called', async () => {
  await fetchBy(`${target}/probe/echo`, SAMPLED);
  await rpcBy('echo', SAMPLED);
  const scrape = await Scrape.of(app, 'application/openmetrics-text');
  for (const name of [HTTP, RPC]) {
    const exemplars = scrape.find(`${name}_bucket`).map(({ exemplar }) => exemplar);
    expect(exemplars).toContainEqual(expect.stringContaining(TRACE_ID));
  }
});
