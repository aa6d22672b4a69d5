import { expect, test } from 'vitest';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';
import { readDashboards } from '../stack/dashboard-files.js';
import { substitute } from '../stack/grafana-variables.js';
import { eventually, PrometheusServer } from '../support/index.js';
import { SERVICE_NAME } from '../support/service-name.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const ORDER = { customerId: 'c', currency: 'EUR', items: [{ sku: 's', quantity: 2, unitAmount: 5 }] };
const CONFIG = (target: string): string => `
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: service
    static_configs: [{ targets: ['${target}'], labels: { service: '${SERVICE_NAME}', env: development } }]
`;

/** What the row of the orders asks Prometheus, as the shipped dashboard has it. */
function queriesOfRow(instance: string): string[] {
  const values = {
    env: 'development',
    service: SERVICE_NAME,
    instance,
    __rate_interval: '10s',
    __range: '60s',
  };
  const overview = readDashboards().find(({ name }) => name === 'service-overview.json');
  return (overview?.panels ?? [])
    .flatMap(({ targets }) => targets)
    .flatMap(({ expr = '' }) => (/orders/.test(expr) ? [substitute(expr, values)] : []));
}

async function callAll(service: ServiceProcess): Promise<void> {
  const { body } = await service.http.post('/v1/orders', ORDER);
  await service.http.get(`/v1/orders/${(body as { id: string }).id}`);
  await service.http.get('/v1/orders/none');
  await service.grpc.unary(Orders.listOrders, { customerId: 'c' });
}

test('every query of the row of the orders has data', { timeout: 180_000 }, async () => {
  await using service = await startProcess();
  await service.ready();
  const instance = service.address('management');
  await using prometheus = await PrometheusServer.start({ config: CONFIG(instance) });
  const empty = new Set(queriesOfRow(instance));
  expect(empty.size).toBeGreaterThan(3);
  const hasAll = async (): Promise<boolean> => {
    await callAll(service);
    for (const query of empty)
      if ((await prometheus.query(query)).some(({ value }) => value[1] !== 'NaN')) empty.delete(query);
    return empty.size === 0;
  };
  await eventually('data for every query', hasAll, 20_000).catch(() => expect([...empty]).toEqual([]));
});
