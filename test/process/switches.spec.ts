import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from '../support/faulty.js';
import { eventually, type HttpAnswer } from '../support/index.js';
import { Scrape } from '../support/scrape.js';
import { startProcess, type ServiceProcess } from '../support/service-process.js';

const program = join(import.meta.dirname, 'fixtures/here-service.ts');
/** A worker starts within this time, also on a busy machine. */
const START_MS = 90_000;
/** The first test of a run may have to build, too. */
const TEST_MS = 300_000;
const breaker = { strategy: 'error-ratio', threshold: 0.5 };
const POLICIES = [
  { name: 'held', routes: ['/here'], breaker },
  { name: 'reset', routes: ['/none'], breaker },
];
const LATENCY = { kind: 'latency', delayMs: 1, routes: ['*'] };

let service: ServiceProcess & AsyncDisposable;
beforeAll(async () => {
  service = await startProcess({
    program,
    env: {
      WORKERS: '2',
      RESILIENCE_POLICIES: JSON.stringify(POLICIES),
      RATE_LIMIT_POLICIES: JSON.stringify([{ name: 'shared', routes: ['/none'], limit: 1000 }]),
      CHAOS_FAULTS: JSON.stringify([
        { id: 'ended', ...LATENCY },
        { id: 'stays', ...LATENCY },
      ]),
    },
  });
  await service.ready();
}, TEST_MS);
afterAll(() => service[Symbol.asyncDispose]());

/** A change that is taken. */
async function change(method: string, path: string, body?: object): Promise<void> {
  const answer = await service.management.send(path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  expect([200, 204], path).toContain(answer.status);
}

/** Of a gauge, what every worker says; a worker that has no time for a scrape is missing. */
const bothSay = (name: string, labels: Record<string, string>, wanted: number) =>
  eventually(
    `both workers have ${name} ${JSON.stringify(labels)} at ${wanted}`,
    async () => {
      const found = (await Scrape.of(service)).find(name, labels);
      return found.length === 2 && found.every(({ value }) => value === wanted);
    },
    START_MS,
  );

/** On connections of their own: each goes to the next worker. */
async function ask(times: number): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = [];
  for (let index = 0; index < times; index++)
    answers.push(await service.http.get('/here', { connection: 'close' }));
  return answers;
}

const ready = () => service.lines.filter(({ msg }) => msg === 'worker ready');

async function replaceWorker(index: number): Promise<void> {
  const count = ready().length;
  process.kill(Number(ready()[index]?.['pid']), 'SIGKILL');
  await eventually('another worker is ready', () => ready().length === count + 1, START_MS);
  await bothSay('chaos_faults_active', {}, 1);
}

const breakerOf = async (name: string) => {
  const { body } = await service.management.get('/circuit-breakers');
  return (body.breakers as { name: string; forced: string | null; rule: object }[]).find(
    (each) => each.name === name,
  );
};
const middlewareOf = async (name: string) => {
  const { body } = await service.management.get('/middlewares');
  return (body.middlewares as { name: string; isEnabled: boolean; priority: number }[]).find(
    (each) => each.name === name,
  );
};

test('every worker does what an operator switches', { timeout: TEST_MS }, async () => {
  await change('PUT', '/circuit-breakers/held', { forced: 'open' });
  await bothSay('circuit_breaker_state', { name: 'held' }, 2);
  for (const { status, body } of await ask(4)) expect([status, body.reason]).toEqual([503, 'CIRCUIT_OPEN']);
  await change('POST', '/circuit-breakers/held/reset');
  await bothSay('circuit_breaker_state', { name: 'held' }, 0);

  const marked = async () => {
    const answers = await ask(4);
    expect(new Set(answers.map(({ body }) => body.pid)).size).toBe(2);
    return answers.map(({ headers }) => headers.get('x-marked'));
  };
  expect(await marked()).toEqual(Array(4).fill('yes'));
  await change('PUT', '/middlewares/marker', { enabled: false });
  expect(await marked()).toEqual(Array(4).fill(null));
  await change('DELETE', '/middlewares/marker');
  expect(await marked()).toEqual(Array(4).fill('yes'));

  const wrong = await service.management.send('/circuit-breakers/held', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rule: { threshold: 7 } }),
  });
  expect([wrong.status, wrong.body.reason]).toEqual([400, 'INVALID_RULE']);
});

test('workers that take the place of others do the same', { timeout: TEST_MS }, async () => {
  await change('PUT', '/circuit-breakers/held', { forced: 'closed' });
  await change('PUT', '/circuit-breakers/held', { rule: { threshold: 0.25 } });
  await change('PUT', '/circuit-breakers/reset', { forced: 'open', rule: { threshold: 0.75 } });
  await change('POST', '/circuit-breakers/reset/reset');
  await change('PUT', '/middlewares/marker', { enabled: false });
  await change('PUT', '/middlewares/marker', { priority: 9 });
  await change('PUT', '/middlewares/spare', { enabled: false });
  await change('DELETE', '/middlewares/spare');
  await change('PUT', '/rate-limits/shared', { limit: 50 });
  await change('PUT', '/rate-limits/shared', { burst: 70 });
  await change('PUT', '/tracing', { ratio: 0.5 });
  await change('DELETE', '/chaos/ended');
  await change('POST', '/readyz/disable');

  // Then the oldest, which answers, is one that has heard nothing of it but from the primary.
  await replaceWorker(0);
  await replaceWorker(1);

  expect(await breakerOf('held')).toMatchObject({ forced: 'closed', rule: { threshold: 0.25 } });
  expect(await breakerOf('reset')).toMatchObject({ forced: null, rule: { threshold: 0.75 } });
  expect(await middlewareOf('marker')).toMatchObject({ isEnabled: false, priority: 9 });
  expect(await middlewareOf('spare')).toMatchObject({ isEnabled: true });
  const { policies } = (await service.management.get('/rate-limits')).body;
  expect(policies).toMatchObject([{ name: 'shared', limit: 50, burst: 70 }]);
  expect((await service.management.get('/tracing')).body.ratio).toBe(0.5);
  expect(await faultsOf(service)).toMatchObject([{ id: 'stays', source: 'configuration' }]);
  expect((await service.management.get('/readyz')).status).toBe(503);
  await bothSay('service_ready', {}, 0);
  await change('POST', '/readyz/enable');
  await bothSay('service_ready', {}, 1);
});
