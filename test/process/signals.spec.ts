import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { beforeAll, expect, inject, test } from 'vitest';
import { createDatabase } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ADDRESS = /^127\.0\.0\.1:[1-9]\d*$/;

let DATABASE_URL: string;
beforeAll(async () => {
  // A server starts these processes faster than an embedded database in each of them would.
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
});

test('says once where it listens, and answers there', async () => {
  await using service = await startProcess({
    env: { DATABASE_URL, SERVICE_NAME: 'shop', SERVICE_VERSION: '7.8.9' },
  });
  await service.ready();
  expect((await service.management.get('/readyz')).status).toBe(200);
  expect((await service.http.get('/openapi.json')).status).toBe(200);
  expect(await service.stop()).toBe(0);
  expect(service.lines.filter(({ msg }) => msg === 'service ready')).toEqual([
    {
      time: expect.stringMatching(ISO_TIME),
      level: 'info',
      msg: 'service ready',
      service: 'shop',
      version: '7.8.9',
      env: 'test',
      http: expect.stringMatching(ADDRESS),
      grpc: expect.stringMatching(ADDRESS),
      management: expect.stringMatching(ADDRESS),
    },
  ]);
  expect(service.stderr).toBe('');
});

test('keeps the fields of one line out of the next', async () => {
  await using service = await startProcess({ env: { DATABASE_URL } });
  await service.ready();
  await service.stop();
  const last = service.lines.at(-1) ?? {};
  expect(Object.keys(last).toSorted()).toEqual(
    ['cause', 'duration_ms', 'env', 'level', 'msg', 'service', 'time', 'version'].filter(
      (key) => key in last,
    ),
  );
  expect(last).toMatchObject({ msg: 'shut down', duration_ms: expect.any(Number) });
});

test('starts in production with JSON lines and without the documentation page', async () => {
  await using service = await startProcess({
    env: { DATABASE_URL, APP_ENV: 'production', LOG_FORMAT: 'auto', SHUTDOWN_PROPAGATION_MS: '0' },
  });
  await service.ready();
  expect((await service.http.get('/docs')).status).toBe(404);
  expect((await service.http.get('/openapi.json')).status).toBe(200);
  expect(await service.stop()).toBe(0);
  expect(service.lines.every((line) => line['env'] === 'production')).toBe(true);
});

test('writes readable lines in development', async () => {
  await using service = await startProcess({ env: { APP_ENV: 'development', LOG_FORMAT: 'auto' } });
  const isReady = () => service.lines.some(({ text }) => String(text).includes('service ready'));
  await expect.poll(isReady, { timeout: 15_000 }).toBe(true);
  expect(await service.stop()).toBe(0);
});

const OPEN = 'no authentication is configured: everybody may call everything; see AUTH_* in .env.example';

test.each([
  { signal: 'SIGTERM', code: 0 },
  { signal: 'SIGINT', code: 0 },
] as const)('$signal ends the idle process with exit code $code', async ({ signal, code }) => {
  await using service = await startProcess({ env: { DATABASE_URL } });
  await service.ready();
  expect(await service.stop(signal)).toBe(code);
  expect(service.lines.map(({ msg }) => msg)).toEqual(['service ready', OPEN, 'shutting down', 'shut down']);
});

test('a start that waits ends with SIGTERM, and not with SIGHUP', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  await using service = await startProcess({
    env: { DATABASE_URL: `postgres://a:b@127.0.0.1:${port}/none` },
  });
  await once(silent, 'connection');
  service.signal('SIGHUP');
  expect(await service.stop()).toBe(0);
  silent.close();
});

test('a signal that has come before the service hears it, and was not told of by then, is not lost', async () => {
  const send = `const { off } = process;
    process.off = function (signal, listener) {
      if (signal === 'SIGTERM') process.kill(process.pid, signal);
      return off.call(this, signal, listener);
    };`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(send)}`;
  await using service = await startProcess({ env: { DATABASE_URL, NODE_OPTIONS } });
  await service.line('shutting down');
  expect(await service.exit).toBe(0);
});

test('SIGHUP does not end the process, and the log says what it did', async () => {
  await using service = await startProcess({ env: { DATABASE_URL } });
  await service.ready();
  service.signal('SIGHUP');
  expect(await service.line('configuration is unchanged')).toMatchObject({ level: 'info', cause: 'SIGHUP' });
  expect((await service.management.get('/readyz')).status).toBe(200);
  expect(await service.stop()).toBe(0);
});

test('SIGQUIT ends the process at once, without a drain', async () => {
  await using service = await startProcess({ env: { DATABASE_URL } });
  await service.ready();
  expect(await service.stop('SIGQUIT')).not.toBe(0);
  expect(service.lines.map(({ msg }) => msg)).toEqual(['service ready', OPEN]);
});
