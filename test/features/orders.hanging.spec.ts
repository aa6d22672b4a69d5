import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { expect, inject, test } from 'vitest';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';

import { eventually, FreezingProxy } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';

const LIMIT_MS = 5000;

/** A request whose body is still to come, and the end of it. */
function startPost(address: string): { finish(): Promise<string> } {
  const [host = '', port] = address.split(':');
  const socket = connect(Number(port), host);
  socket.write(
    'POST /v1/orders HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{',
  );
  return {
    finish: async () => {
      socket.write('}');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return answer.toString().split('\r\n', 1)[0] ?? '';
    },
  };
}

test('a call, a stream, a database and a collector that hang do not keep the process from ending', async () => {
  const url = new URL(await createDatabase(inject('postgresUrl')));
  await using proxy = await FreezingProxy.start({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const collector = createServer(() => {
    // Takes what comes and never answers.
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  await using service = await startProcess({
    env: {
      DATABASE_URL: url.href,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      SHUTDOWN_STREAMS_MS: '200',
      SHUTDOWN_GRACE_MS: '1000',
      SHUTDOWN_DEPENDENCIES_MS: '500',
      SHUTDOWN_TELEMETRY_MS: '300',
      SHUTDOWN_LIMIT_MS: String(LIMIT_MS),
    },
  });
  await service.ready();
  const { body } = await service.http.post('/v1/orders', {
    customerId: 'c',
    currency: 'EUR',
    items: [{ sku: 's', quantity: 1, unitAmount: 5 }],
  });
  const watch = service.grpc.serverStream(Orders.watchOrders, {});
  const told = once(watch, 'error');
  watch.resume();
  await once(watch, 'metadata');
  const post = startPost(service.address('http'));

  // A connection that is opened meanwhile would answer.
  proxy.freezeAll();
  const hanging = service.http.get(`/v1/orders/${body.id}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const begin = performance.now();
  service.signal('SIGTERM');
  await service.line('shutting down');
  expect(await post.finish()).toBe('HTTP/1.1 400 Bad Request');
  expect(await told).toMatchObject([{ code: 14 }]);
  expect(await hanging).toMatchObject({ status: 503, body: { reason: 'SHUTTING_DOWN' } });
  expect(await service.exit).toBe(1);
  expect(performance.now() - begin).toBeLessThan(LIMIT_MS);

  const late = service.lines.filter(({ msg }) => msg === 'shutdown stage took too long; forced');
  expect(late).toMatchObject([
    { level: 'error', stage: 'calls', pending: ['GET /v1/orders/:id'], limit_ms: 1000 },
    { level: 'error', stage: 'dependencies', pending: [expect.stringMatching(/^Database/)], limit_ms: 500 },
  ]);
  expect(service.lines.at(-1)).toMatchObject({ msg: 'shut down', forced: ['calls', 'dependencies'] });
  collector.close();
});

test('a process that nobody can end otherwise is ended by its limit', async () => {
  await using service = await startProcess({
    env: { SHUTDOWN_PROPAGATION_MS: '60000', SHUTDOWN_LIMIT_MS: '300' },
  });
  await service.ready();
  expect(await service.stop()).toBe(1);
  await eventually('its last line is there', () => service.lines.at(-1)?.['msg'] === 'shut down');
  expect(service.lines.at(-1)).toMatchObject({ forced: expect.arrayContaining(['propagation']) });
});
