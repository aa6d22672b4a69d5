import { Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { HealthService, Readiness, type DependencyCheck } from '#chassis/health';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService as GrpcHealth,
} from '#generated/grpc/health/v1/health';
import { eventually, ProbeModule, TestApp } from '../support/index.js';
import { Neighbour } from '../support/neighbour.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { Scrape } from '../support/scrape.js';
import { freePort } from '../support/free-ports.js';

type Line = Readonly<Record<string, unknown>>;

const ROOT = new URL('../../', import.meta.url);
/** Far below the probe's time with a check in it that hangs, far above what a noisy machine adds. */
const AT_ONCE_MS = 1000;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

/** A service that does nothing but depend on others. */
function dependingOn(...checks: DependencyCheck[]) {
  @Injectable()
  class Dependent implements OnModuleInit {
    constructor(private readonly health: HealthService) {}

    onModuleInit(): void {
      for (const check of checks) this.health.addDependency(check);
    }
  }
  @Module({ providers: [Dependent] })
  class DependentModule {}
  return { module: DependentModule, root: ROOT };
}

/** What gRPC says in its three ways, one after the other. */
async function grpcHealth({ grpc }: TestApp): Promise<ServingStatus[]> {
  const { status } = await grpc.unary(GrpcHealth.check, { service: '' });
  const { statuses } = await grpc.unary(GrpcHealth.list, {});
  return [status, ...Object.values(statuses).map((each) => each.status)];
}

/** The messages of a watch so far. */
function watch({ grpc }: TestApp, service = ''): number[] {
  const seen: number[] = [];
  const call = grpc.serverStream(GrpcHealth.watch, { service });
  call.on('data', ({ status }: { status: number }) => seen.push(status));
  call.on('error', () => {
    // The service ends with the test.
  });
  return seen;
}

async function statusOf({ management }: TestApp, path = '/readyz'): Promise<number> {
  return (await management.get(path)).status;
}

/** Calls have their lines, too; what is said beside them counts here. The logger is the process' first one. */
function keep(text: string): void {
  const line = JSON.parse(text) as Line;
  if (line['msg'] !== 'call') lines.push(line);
}

function untilReadyz(app: TestApp, status: number): Promise<void> {
  return eventually(`/readyz says ${status}`, async () => (await statusOf(app)) === status);
}

const TOKEN = 's3cr3t-t0ken';
const lines: Line[] = [];
let database: Neighbour;
let mail: Neighbour;
let app: TestApp;
beforeAll(async () => {
  database = await Neighbour.start();
  mail = await Neighbour.start();
  app = await TestApp.start({
    service: dependingOn(
      { name: 'orders-db', kind: 'http', timeoutMs: 3000, check: (options) => database.ping(options) },
      { name: 'mail', kind: 'http', isCritical: false, check: (options) => mail.ping(options) },
    ),
    config: { HEALTH_INTERVAL_MS: 20, LOG_LEVEL: 'info', MANAGEMENT_TOKEN: TOKEN },
    logTo: { write: (text) => keep(text) },
  });
});
afterAll(async () => {
  await app.stop();
  await database[Symbol.asyncDispose]();
  await mail[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const neighbour of [database, mail]) neighbour.state = 'works';
  await eventually('all is well', async () => (await app.management.get('/readyz')).body.status === 'ok');
  lines.length = 0;
});

describe('dependencies', () => {
  test('are told with state, age, duration and weight, in the form of Terminus', async () => {
    const { status, headers, body } = await app.management.get('/readyz');
    const up = { status: 'up', ageMs: expect.any(Number), durationMs: expect.any(Number) };
    const indicators = {
      service: { status: 'up' },
      'orders-db': { ...up, isCritical: true },
      mail: { ...up, isCritical: false },
    };
    expect([status, body]).toEqual([200, { status: 'ok', info: indicators, error: {}, details: indicators }]);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.details['orders-db'].ageMs).toBeLessThan(3000);
    const { body: info } = await app.management.get('/info');
    expect(info.dependencies).toEqual({ 'orders-db': 'http', mail: 'http' });
    expect(info.capabilities).toEqual(['api-documentation', 'chaos', 'jobs']);
    expect(info.runtime).toMatchObject({ node: process.versions.node, openssl: process.versions.openssl });
    expect(Date.now() - Date.parse(info.builtAt)).toBeGreaterThan(0);
  });

  test('that are critical take the instance out while they are down, on HTTP and gRPC alike', async () => {
    const watched = watch(app);
    await eventually('the first state is told', () => watched.length === 1);
    for (const round of [1, 2]) {
      database.state = 'fails';
      await untilReadyz(app, 503);
      expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING]);
      await eventually('the watcher is told', () => watched.length === round * 2, AT_ONCE_MS);
      const { body } = await app.management.get('/readyz');
      expect(body.status).toBe('error');
      expect(body.error).toMatchObject({
        service: { status: 'down', message: 'orders-db is down' },
        'orders-db': { status: 'down', message: 'the neighbour answered 503', isCritical: true },
      });
      database.state = 'works';
      await untilReadyz(app, 200);
      expect(await grpcHealth(app)).toEqual([SERVING, SERVING]);
      await eventually('the watcher is told', () => watched.length === round * 2 + 1, AT_ONCE_MS);
    }
    expect(watched).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING, SERVING]);
    expect(lines.map(({ level, msg, dependency }) => [level, msg, dependency])).toEqual([
      ['warn', 'dependency is down', 'orders-db'],
      ['info', 'dependency is up again', 'orders-db'],
      ['warn', 'dependency is down', 'orders-db'],
      ['info', 'dependency is up again', 'orders-db'],
    ]);
  });

  test('that are not critical only show', async () => {
    const watched = watch(app);
    mail.state = 'fails';
    const isDegraded = async () => (await app.management.get('/readyz')).body.status === 'degraded';
    await eventually('/readyz shows it', isDegraded);
    const { status, body } = await app.management.get('/readyz');
    expect(status).toBe(200);
    expect(body.details.mail).toMatchObject({ status: 'degraded', message: 'the neighbour answered 503' });
    expect(body.details.service).toEqual({ status: 'up' });
    expect(await grpcHealth(app)).toEqual([SERVING, SERVING]);
    const scrape = await Scrape.of(app);
    expect(scrape.find('health_check_up', { check: 'mail' })[0]?.value).toBe(0);
    expect(scrape.find('health_check_up', { check: 'orders-db' })[0]?.value).toBe(1);
    expect(scrape.find('service_ready')[0]?.value).toBe(1);
    expect(watched).toEqual([SERVING]);
  });

  test('that hang do not slow the probe, and are down when their own time is over', async () => {
    database.state = 'hangs';
    const asked = database.asked;
    await eventually('the check hangs', () => database.asked > asked);
    for (let probe = 0; probe < 20; probe++) {
      const begin = performance.now();
      expect(await statusOf(app)).toBe(200);
      expect(performance.now() - begin).toBeLessThan(AT_ONCE_MS);
    }
    await untilReadyz(app, 503);
    expect((await app.management.get('/readyz')).body.details['orders-db']).toMatchObject({
      status: 'down',
      message: 'timeout of 3000ms exceeded',
    });
    expect(database.abandoned).toBeGreaterThan(0);
    const scrape = await Scrape.of(app);
    expect(scrape.find('health_check_up', { check: 'orders-db' })[0]?.value).toBe(0);
    expect(scrape.find('service_ready')[0]?.value).toBe(0);
  });

  test('are asked in the background, whoever probes and however often', async () => {
    const begin = performance.now();
    const asked = mail.asked;
    await Promise.all(Array.from({ length: 200 }, () => statusOf(app)));
    const most = (performance.now() - begin) / 20 + 2;
    expect(mail.asked - asked).toBeLessThanOrEqual(most);
  });

  test('need names of their own', () => {
    for (const name of ['mail', 'service']) {
      const add = () => app.get(HealthService).addDependency({ name, kind: 'http', check: async () => {} });
      expect(add).toThrow(`A health check has the name "${name}" already`);
    }
  });

  test.each([
    { timeoutMs: -1 },
    { timeoutMs: Number.NaN },
    { intervalMs: 0 },
    { intervalMs: 30 * 86_400_000 },
  ])('need times that a timer can have: %o', (times) => {
    const check = { name: 'timeless', kind: 'http', isCritical: false, ...times, check: async () => {} };
    const [option] = Object.keys(times);
    const message = `The health check "timeless": ${option} must be from 1 to 86400000 milliseconds`;
    expect(() => app.get(HealthService).addDependency(check)).toThrow(new TypeError(message));
  });
});

describe('a dependency', () => {
  test('that fetch cannot reach tells why', async () => {
    const ask = async () => void (await fetch(`http://127.0.0.1:${await freePort()}/`));
    const app = await TestApp.start({
      service: dependingOn({ name: 'gone', kind: 'http', isCritical: false, check: ask }),
    });
    const { body } = await app.management.get('/readyz');
    await app.stop();
    expect(body.details.gone.message).toContain('ECONNREFUSED');
  });

  test('that hangs from the start on costs the start its time limit, and no probe anything', async () => {
    await using slow = await Neighbour.start();
    slow.state = 'hangs';
    const app = await TestApp.start({
      service: dependingOn({
        name: 'slow',
        kind: 'http',
        timeoutMs: 300,
        check: (options) => slow.ping(options),
      }),
    });
    try {
      const begin = performance.now();
      expect(await statusOf(app)).toBe(503);
      expect(performance.now() - begin).toBeLessThan(AT_ONCE_MS);
      expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING]);
      expect(await statusOf(app, '/startupz')).toBe(200);
    } finally {
      await app.stop();
    }
  });

  test('whose check ignores its signal is not asked a second time meanwhile', async () => {
    let asked = 0;
    let end: () => void = () => {};
    const check = () => {
      asked += 1;
      return new Promise<void>((resolve) => (end = resolve));
    };
    const service = dependingOn({ name: 'deaf', kind: 'fixture', timeoutMs: 100, intervalMs: 10, check });
    const app = await TestApp.start({ service });
    try {
      expect(await statusOf(app)).toBe(503);
      await sleep(400);
      expect(asked).toBe(1);
      end();
      await eventually('it is asked again', () => asked === 2);
      end();
      await untilReadyz(app, 200);
    } finally {
      await app.stop();
    }
  });

  test('that is added while the service runs is waited for by the first probe', async () => {
    await using late = await Neighbour.start();
    late.state = 'fails';
    const app = await TestApp.start({ service: dependingOn() });
    try {
      expect(await statusOf(app)).toBe(200);
      app.get(HealthService).addDependency({
        name: 'late',
        kind: 'http',
        check: async (options) => {
          await sleep(200);
          await late.ping(options);
        },
      });
      expect(await statusOf(app)).toBe(503);
      expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING]);
    } finally {
      await app.stop();
    }
  });

  test('that is PostgreSQL goes down with it and comes back', async () => {
    const serverUrl = inject('postgresUrl');
    const DATABASE_URL = await createDatabase(serverUrl);
    const name = new URL(DATABASE_URL).pathname.slice(1);
    const app = await TestApp.start({
      service: { module: ProbeModule, root: ROOT },
      config: { DATABASE_URL, HEALTH_INTERVAL_MS: 50 },
    });
    try {
      expect(await statusOf(app)).toBe(200);
      await runOn(serverUrl, `alter database ${name} with allow_connections false`);
      await runOn(serverUrl, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
        name,
      ]);
      await untilReadyz(app, 503);
      expect((await app.management.get('/readyz')).body.error.service.message).toBe('database is down');
      expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING]);
      await runOn(serverUrl, `alter database ${name} with allow_connections true`);
      await untilReadyz(app, 200);
      expect(await grpcHealth(app)).toEqual([SERVING, SERVING, SERVING]);
    } finally {
      await app.stop();
    }
  });
});

describe("the operator's switch", () => {
  const turn = (to: 'disable' | 'enable', token = TOKEN) =>
    app.management.post(`/readyz/${to}`, undefined, { authorization: `Bearer ${token}` });

  test('takes the instance out and lets it back, on HTTP and gRPC alike, as often as it is turned', async () => {
    const watched = watch(app);
    await eventually('the first state is told', () => watched.length === 1);
    const disabled = { isReady: false, reasons: ['disabled by the operator'] };
    for (const _again of [1, 2]) expect(await turn('disable')).toMatchObject({ status: 200, body: disabled });
    const { status, body } = await app.management.get('/readyz');
    expect([status, body.error]).toEqual([
      503,
      { service: { status: 'down', message: 'disabled by the operator' } },
    ]);
    expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING]);
    expect(await statusOf(app, '/livez')).toBe(200);
    const enabled = { isReady: true, reasons: [] };
    for (const _again of [1, 2]) expect(await turn('enable')).toMatchObject({ status: 200, body: enabled });
    expect(await statusOf(app)).toBe(200);
    expect(await grpcHealth(app)).toEqual([SERVING, SERVING]);
    await eventually('the watcher is told', () => watched.length === 3, AT_ONCE_MS);
    expect(watched).toEqual([SERVING, NOT_SERVING, SERVING]);
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', 'readiness disabled by the operator'],
      ['warn', 'readiness enabled by the operator'],
    ]);
  });

  test('is one reason beside others', async () => {
    await turn('disable');
    database.state = 'fails';
    await eventually('both reasons stand there', async () => {
      const { body } = await app.management.get('/readyz');
      return body.details.service.message === 'disabled by the operator; orders-db is down';
    });
    expect((await turn('enable')).body).toEqual({ isReady: false, reasons: ['orders-db is down'] });
    expect(await statusOf(app)).toBe(503);
    database.state = 'works';
    await untilReadyz(app, 200);
  });

  test.each(['disable', 'enable'] as const)('is guarded: %s', async (to) => {
    const { status, body } = await turn(to, 'another');
    expect([status, body.reason]).toEqual([401, 'MANAGEMENT_TOKEN_REQUIRED']);
    expect(await statusOf(app)).toBe(200);
  });
});

describe('grpc.health.v1', () => {
  test('tells a watcher of an unknown service so, and keeps the stream', async () => {
    const app = await TestApp.start({ service: dependingOn() });
    try {
      const watched = watch(app, 'no.v1.Service');
      await eventually('the state is told', () => watched.length === 1);
      app.get(Readiness).withdraw('of this test');
      expect(await grpcHealth(app)).toEqual([NOT_SERVING, NOT_SERVING]);
      expect(watched).toEqual([SERVICE_UNKNOWN]);
    } finally {
      await app.stop();
    }
  });
});

describe('the life of an instance', () => {
  test('is starting, then ready, then draining', async () => {
    const port = await freePort();
    const starting = Promise.withResolvers<void>();
    @Injectable()
    class SlowStart implements OnApplicationBootstrap {
      onApplicationBootstrap(): Promise<void> {
        return starting.promise;
      }
    }
    @Module({ imports: [ProbeModule], providers: [SlowStart] })
    class SlowModule {}
    const DATABASE_URL = await createDatabase(inject('postgresUrl'));
    const started = TestApp.start({
      service: { module: SlowModule, root: ROOT },
      config: { DATABASE_URL, MANAGEMENT_PORT: port, MAX_DEADLINE_MS: 1000 },
    });
    const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    const statuses = async () =>
      Promise.all(['/livez', '/readyz', '/startupz'].map(async (path) => (await ask(path)).status));
    await eventually('the management port listens', () =>
      ask('/livez').then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    expect(await statuses()).toEqual([200, 503, 503]);
    expect(await (await ask('/readyz')).json()).toMatchObject({
      status: 'error',
      details: { service: { status: 'down', message: 'starting' } },
    });
    starting.resolve();
    const app = await started;
    expect(await statuses()).toEqual([200, 200, 200]);

    // A call that does not end holds the drain open, until its deadline.
    const call = app.http.get('/probe/wait');
    await eventually(
      'the call runs',
      async () => (await Scrape.of(app)).sum('http_server_active_requests') === 1,
    );
    const stopped = app.stop();
    expect(await (await ask('/readyz')).json()).toMatchObject({
      status: 'shutting_down',
      error: { service: { status: 'down', message: 'draining' } },
    });
    expect(await statuses()).toEqual([200, 503, 200]);
    expect((await call).status).toBe(504);
    await stopped;
  });
});

describe('an event loop', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({
      service: dependingOn(),
      config: { HEALTH_EVENT_LOOP_LAG_MS: 100, HEALTH_EVENT_LOOP_LAG_FOR_MS: 1000 },
    });
  });
  afterAll(() => app.stop());

  // The service runs in this process: to block the test is to block the service.
  const block = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };

  test('that lags turn after turn fails /livez until it has recovered', async () => {
    const slow = setInterval(() => block(250), 1);
    try {
      await eventually('/livez says 503', async () => (await statusOf(app, '/livez')) === 503, 15_000);
      const { body } = await app.management.get('/livez');
      expect(body.error.eventLoop).toMatchObject({ status: 'down', message: 'event loop lags' });
      expect(body.error.eventLoop.lagMs).toBeGreaterThan(100);
    } finally {
      clearInterval(slow);
    }
    await eventually('/livez says 200', async () => (await statusOf(app, '/livez')) === 200);
  });

  test('that had one long turn is alive', async () => {
    await eventually('the loop is quick', async () => {
      const { body } = await app.management.get('/livez');
      return body.details.eventLoop.lagMs < 100;
    });
    block(1500);
    await eventually('the long turn is noticed', async () => {
      const { status, body } = await app.management.get('/livez');
      expect(status).toBe(200);
      return body.details.eventLoop.lagMs > 1000;
    });
  });
});
