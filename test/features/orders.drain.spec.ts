import { beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { freePorts, Haproxy, type Backend } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';
import { SteadyLoad } from './orders.steady-load.js';

const DRAINS = process.env['SOAK'] ? 200 : 3;
const MIN_CALLS = DRAINS * 2000;
const TIMEOUT_MS = DRAINS * 60_000;
/** Haproxy looks ten times a second, and twice before it believes; both share two busy cores with the load. */
const PROPAGATION_MS = '1000';

let DATABASE_URL: string;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
});

async function start(backend: Backend): Promise<ServiceProcess> {
  return startProcess({
    env: {
      DATABASE_URL,
      LOG_LEVEL: 'warn',
      HTTP_PORT: String(backend.http),
      GRPC_PORT: String(backend.grpc),
      MANAGEMENT_PORT: String(backend.management),
      SHUTDOWN_PROPAGATION_MS: PROPAGATION_MS,
      SHUTDOWN_STREAMS_MS: '200',
    },
  });
}

test(`${DRAINS} staged drains behind a load balancer lose no call`, { timeout: TIMEOUT_MS }, async () => {
  const ports = await freePorts(6);
  const backends = ['one', 'two'].map((name, index): Backend => {
    const [http = 0, grpc = 0, management = 0] = ports.slice(index * 3);
    return { name, http, grpc, management };
  });
  const haproxy = await Haproxy.start(backends);
  const services = new Map<string, ServiceProcess>();
  // Whatever fails: none of them may outlive the test.
  onTestFinished(async () => {
    for (const service of services.values()) await service.stop('SIGKILL');
    await haproxy.stop();
  });
  for (const { name } of backends) await haproxy.sees(name, 'DOWN');
  for (const backend of backends) services.set(backend.name, await start(backend));
  for (const { name } of backends) await haproxy.sees(name, 'UP', 30_000);
  const order = { customerId: 'c', currency: 'EUR', items: [{ sku: 's', quantity: 1, unitAmount: 5 }] };
  const created = await fetch(`http://${haproxy.http}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  const { id } = (await created.json()) as { id: string };

  const load = new SteadyLoad({ http: haproxy.http, grpc: haproxy.grpc, orderId: id });
  const exitCodes: (number | null)[] = [];
  for (let drain = 0; drain < DRAINS || load.calls < MIN_CALLS; drain++) {
    const backend = backends[drain % 2] as Backend;
    exitCodes.push((await services.get(backend.name)?.stop('SIGTERM')) ?? null);
    await haproxy.sees(backend.name, 'DOWN');
    services.set(backend.name, await start(backend));
    await haproxy.sees(backend.name, 'UP', 30_000);
  }
  await load.stop();
  for (const service of services.values()) exitCodes.push(await service.stop());

  process.stdout.write(`drain: ${exitCodes.length - 2} drains, ${load.describe()}\n`);
  expect(load.failures.join('\n'), haproxy.told.join('\n')).toBe('');
  expect(exitCodes.every((code) => code === 0)).toBe(true);
  expect(load.calls).toBeGreaterThan(MIN_CALLS);
});
