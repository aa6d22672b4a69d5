import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { createDatabase } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';

test.each([
  { how: 'throw', msg: 'uncaught exception', message: 'nobody caught this' },
  { how: 'reject', msg: 'unhandled rejection', message: 'nobody awaited this' },
])('an $msg is logged with its stack, and the process drains and exits 1', async ({ how, msg, message }) => {
  await using service = await startProcess({
    program: join(import.meta.dirname, 'fixtures/flood-service.ts'),
    env: {
      DATABASE_URL: await createDatabase(inject('postgresUrl')),
      SHUTDOWN_PROPAGATION_MS: '2000',
    },
  });
  await service.ready();
  expect((await service.management.get('/readyz')).status).toBe(200);
  expect((await service.http.get(`/end/${how}`)).status).toBe(200);
  await eventually('it is not ready', async () => (await service.management.get('/readyz')).status === 503);
  expect((await service.http.get('/flood/1')).status).toBe(200);
  expect(await service.exit).toBe(1);
  const fatal = service.lines.find(({ level }) => level === 'fatal');
  expect(fatal).toMatchObject({ msg, err: { message, stack: expect.stringContaining('flood-service') } });
  expect(service.lines.at(-1)).toMatchObject({ msg: 'shut down' });
});
