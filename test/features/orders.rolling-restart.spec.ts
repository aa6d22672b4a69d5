import { expect, test } from 'vitest';
import { startProcess } from '../support/service-process.js';
import { SteadyLoad } from './orders.steady-load.js';
import { eventually } from '../support/eventually.js';

const RESTARTS = process.env['SOAK'] ? 200 : 3;
const MIN_CALLS = RESTARTS * 2000;
const TIMEOUT_MS = RESTARTS * 60_000;
const ROLL_LIMIT_MS = 120_000;

test(`${RESTARTS} rolling restarts under load lose no call`, { timeout: TIMEOUT_MS }, async () => {
  await using service = await startProcess({
    env: {
      WORKERS: '2',
      SHUTDOWN_STREAMS_MS: '200',
      // The log tells of the workers; a line for each call would only fill memory here.
      LOG_CALL_SAMPLE_RATIO: '0',
    },
  });
  await service.ready();
  const { body } = await service.http.post('/v1/orders', {
    customerId: 'c',
    currency: 'EUR',
    items: [{ sku: 's', quantity: 1, unitAmount: 5 }],
  });
  const load = new SteadyLoad({
    http: service.address('http'),
    grpc: service.address('grpc'),
    orderId: String(body.id),
  });
  const done = (): number => service.lines.filter(({ msg }) => msg === 'rolling restart done').length;
  let restarts = 0;
  while (restarts < RESTARTS || load.calls < MIN_CALLS) {
    restarts += 1;
    service.signal('SIGUSR2');
    await eventually('the old workers have ended', () => done() === restarts, ROLL_LIMIT_MS);
  }
  await load.stop();
  process.stdout.write(`rolling restart: ${restarts} restarts, ${load.describe()}\n`);
  expect(load.failures.join('\n')).toBe('');
  expect(load.calls).toBeGreaterThan(MIN_CALLS);
  expectOrder(service.lines.map(({ msg }) => String(msg)));
  expect(await service.stop()).toBe(0);
});

/** In every restart both new workers are ready before an old one has ended. */
function expectOrder(told: readonly string[]): void {
  const rolls = told.join('\n').split('rolling restart\n').slice(1);
  for (const roll of rolls) {
    const [before = ''] = roll.split('worker ended');
    expect(before.match(/worker ready/g), roll).toHaveLength(2);
  }
}
