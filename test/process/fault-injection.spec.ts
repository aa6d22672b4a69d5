import { join } from 'node:path';
import { expect, test } from 'vitest';
import { beginFault, faultsOf } from '../support/faulty.js';
import { eventually } from '../support/index.js';
import { Scrape } from '../support/scrape.js';
import { startProcess } from '../support/service-process.js';

const program = join(import.meta.dirname, 'fixtures/here-service.ts');
/** A worker starts within this time, also on a busy machine. */
const START_MS = 90_000;

test('several workers inject the same faults, also one that starts later', { timeout: 120_000 }, async () => {
  await using service = await startProcess({ program, env: { WORKERS: '2' } });
  await service.ready();
  /** A worker that has no time for a scrape is missing in it. */
  const activeInBoth = (count: number) =>
    eventually(
      `both workers have ${count}`,
      async () => {
        const active = (await Scrape.of(service)).find('chaos_faults_active');
        return active.length === 2 && active.every(({ value }) => value === count);
      },
      START_MS,
    );
  const { id, until } = await beginFault(service, { kind: 'abort', code: 'UNAVAILABLE', routes: ['*'] });
  await beginFault(service, { id: 'other', kind: 'latency', delayMs: 1, routes: ['*'] });
  await activeInBoth(2);
  expect((await service.http.get('/here')).body.reason).toBe('FAULT_INJECTED');
  const refused = await service.management.post('/chaos', { id, kind: 'unavailable' });
  expect(refused.status).toBe(400);

  expect((await service.management.send('/chaos/other', { method: 'DELETE' })).status).toBe(204);
  await activeInBoth(1);

  const ready = () => service.lines.filter(({ msg }) => msg === 'worker ready');
  process.kill(Number(ready()[0]?.['pid']), 'SIGKILL');
  await eventually('another worker serves', () => ready().length === 3, START_MS);
  await activeInBoth(1);
  for (let index = 0; index < 4; index++) expect(await faultsOf(service)).toMatchObject([{ id, until }]);

  expect((await service.management.send('/chaos', { method: 'DELETE' })).status).toBe(204);
  await activeInBoth(0);
});
