import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';
import { GrpcTestClient } from '../support/grpc-test-client.js';
import { eventually, holdTable } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { checkWithPromtool, parseWithPython } from '../support/prometheus-tools.js';
import { sendRaw } from '../support/raw-http.js';
import { Repeated } from '../support/repeated.js';
import { Scrape } from '../support/scrape.js';
import { copyService } from '../support/service-copy.js';
import { SERVICE_NAME } from '../support/service-name.js';
import {
  startProcess,
  type LogLine,
  type ProcessOptions,
  type ServiceProcess,
} from '../support/service-process.js';

const ORDER = { customerId: 'c', currency: 'EUR', items: [{ sku: 's', quantity: 2, unitAmount: 5 }] };
/** A generation of workers starts within this time, also on a busy machine. */
const START_MS = 90_000;
const TEST_MS = 240_000;

let DATABASE_URL: string;
let directory: string;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
  directory = mkdtempSync(join(tmpdir(), 'workers-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Set here because some tests write a profile of their own; a busy machine is no fault of the workers. */
const OF_TESTS = {
  SHUTDOWN_PROPAGATION_MS: '0',
  LOAD_SHEDDING: 'observe',
  DATABASE_CONNECT_TIMEOUT_MS: '30000',
};

const start = ({ env, ...options }: ProcessOptions = {}) =>
  startProcess({ ...options, env: { DATABASE_URL, WORKERS: '2', ...OF_TESTS, ...env } });

type Started = Awaited<ReturnType<typeof start>>;

const all = (service: ServiceProcess, msg: string): LogLine[] =>
  service.lines.filter((line) => line['msg'] === msg);

const times = (service: ServiceProcess, msg: string, count: number) =>
  eventually(`${count} × "${msg}"`, () => all(service, msg).length >= count, START_MS);

/** Process ids of the workers that serve, as the log has them. */
function pidsOf(service: ServiceProcess): number[] {
  const over = new Set(
    [...all(service, 'worker ended'), ...all(service, 'worker crashed')].map(({ pid }) => pid),
  );
  return all(service, 'worker ready')
    .map(({ pid }) => Number(pid))
    .filter((pid) => !over.has(pid));
}

const pidOf = (service: ServiceProcess) => pidsOf(service)[0] ?? 0;

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A request on a connection of its own; what failed instead of an answer, or a hang, is text. */
function request(address: string, path: string, timeoutMs = 30_000): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = get(`http://${address}${path}`, { agent: false, timeout: timeoutMs }, (response) => {
      response
        .resume()
        .on('end', () => resolve(response.statusCode ?? 0))
        .on('error', ({ message }) => resolve(message));
    });
    sent.on('timeout', () => sent.destroy(new Error('hangs')));
    sent.on('error', ({ message }) => resolve(message));
  });
}

/** The same on a connection that is kept and shared. */
async function fetchOn(address: string, path: string): Promise<number | string> {
  try {
    const response = await fetch(`http://${address}${path}`);
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return inspect(error);
  }
}

function listOn(grpc: GrpcTestClient): Promise<number | string> {
  return grpc.unary(Orders.listOrders, {}).then(() => 200, String);
}

interface Failure {
  readonly what: number | string;
  readonly begin: number;
  readonly end: number;
}

/** Calls without a pause, `width` at a time, until `stop`, which gives those that failed. */
function loadOf(call: () => Promise<number | string>, width: number) {
  const calls = new Repeated(async () => {
    const begin = performance.now();
    const what = await call();
    if (what !== 200) throw { what, begin, end: performance.now() } satisfies Failure;
  }, width);
  return { count: () => calls.count, stop: () => calls.stop() as Promise<Failure[]> };
}

/** A call that waits in the database, and what lets it go on. */
async function holdCall(service: ServiceProcess) {
  const { body } = await service.http.post('/v1/orders', ORDER);
  const lock = await holdTable(DATABASE_URL, 'orders');
  const call = service.http.get(`/v1/orders/${body.id}`).catch(() => 'cut' as const);
  await eventually('the call waits in the database', async () => {
    const [row] = await runOn(
      inject('postgresUrl'),
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = $1`,
      [new URL(DATABASE_URL).pathname.slice(1)],
    );
    return row?.['n'] === 1;
  });
  return { lock, call };
}

describe('several workers', () => {
  let collector: OtlpReceiver;
  let service: Started;
  beforeAll(async () => {
    // Exemplars are the traces that are recorded, and without a collector none is.
    collector = await OtlpReceiver.start();
    service = await start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl } });
    await service.ready();
  });
  afterAll(async () => {
    await service.stop('SIGKILL');
    await collector.stop();
  });

  test(
    'serve both transports together behind one ready line, and SIGHUP ends none',
    { timeout: TEST_MS },
    async () => {
      for (let i = 0; i < 6; i++) expect(await request(service.address('http'), '/v1/orders')).toBe(200);
      for (let i = 0; i < 6; i++) {
        const grpc = new GrpcTestClient(service.address('grpc'), { 'grpc.use_local_subchannel_pool': 1 });
        expect((await grpc.unary(Orders.listOrders, {})).orders).toEqual([]);
        grpc.close();
      }
      await eventually('the calls are in the log', () => all(service, 'call').length === 12);
      for (const transport of ['http', 'grpc']) {
        const calls = all(service, 'call').filter((line) => line['transport'] === transport);
        expect(calls.map(({ worker }) => worker).toSorted()).toEqual([1, 1, 1, 2, 2, 2]);
      }
      expect((await service.management.get('/livez')).status).toBe(200);
      expect((await service.management.get('/startupz')).status).toBe(200);
      expect(await service.management.get('/readyz')).toMatchObject({
        status: 200,
        body: { details: { database: { status: 'up' }, workers: { status: 'up', ready: 2, wanted: 2 } } },
      });
      const pids = pidsOf(service);
      for (const pid of pids) process.kill(pid, 'SIGHUP');
      service.signal('SIGHUP');
      for (let i = 0; i < 10; i++) expect(await request(service.address('http'), '/v1/orders')).toBe(200);
      expect(pidsOf(service)).toEqual(pids);
      expect(all(service, 'service ready')).toMatchObject([{ http: service.address('http') }]);
      expect(all(service, 'service ready')[0]).not.toHaveProperty('worker');
    },
  );

  test('have metrics that are valid in both formats', { timeout: TEST_MS }, async () => {
    for (let i = 0; i < 4; i++) await request(service.address('http'), '/v1/orders');
    expect(checkWithPromtool((await Scrape.of(service)).text)).toBe('');
    const { families, exemplars } = parseWithPython(
      (await Scrape.of(service, 'application/openmetrics-text')).text,
    );
    expect(families).toMatchObject({
      workers: 'gauge',
      worker_restarts: 'counter',
      nodejs_gc_duration_seconds: 'histogram',
    });
    const routes = exemplars.map(({ labels }) => labels['http_route']);
    expect(routes).toContain('/v1/orders');
  });

  test.each([
    ['HTTP_PORT', 'http'],
    ['GRPC_PORT', 'grpc'],
    ['MANAGEMENT_PORT', 'management'],
  ] as const)('refuse a taken port of %s with one line', { timeout: TEST_MS }, async (key, port) => {
    const taken = String(service.port(port));
    await using other = await start({ env: { [key]: taken } });
    expect(await other.exit).toBe(1);
    expect(other.lines).toMatchObject([
      { level: 'fatal', msg: expect.stringMatching(new RegExp(`${taken}.*${key}`)) },
    ]);
  });

  test('have one management port: reads from one, changes to all', { timeout: TEST_MS }, async () => {
    const { management } = service;
    expect((await management.get('/info')).body).toMatchObject({ name: SERVICE_NAME, env: 'test' });
    expect((await management.get('/nowhere')).body).toMatchObject({ reason: 'ROUTE_NOT_FOUND' });
    const put = (level: string) =>
      management.send('/loggers', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ level }),
      });
    expect((await put('loud')).status).toBe(400);
    expect(await put('debug')).toMatchObject({ status: 200, body: { effectiveLevel: 'debug' } });
    await eventually('both tell it', () => all(service, 'log level changed').length === 2);
  });

  test(
    'lose with one that dies only its calls in flight, and replace it by one that has the changes',
    { timeout: TEST_MS },
    async () => {
      const WIDTH = 8;
      const load = loadOf(() => request(service.address('http'), '/v1/orders'), WIDTH);
      await eventually('calls run', () => load.count() > 50);
      const killed = pidOf(service);
      const killedAt = performance.now();
      process.kill(killed, 'SIGKILL');
      await times(service, 'worker ready', 3);
      const before = load.count();
      await eventually('calls run on', () => load.count() > before + 50);
      const failures = await load.stop();
      expect(failures.length).toBeLessThanOrEqual(WIDTH);
      expect(failures.filter(({ what }) => what === 'hangs')).toEqual([]);
      expect(failures.filter(({ end }) => end < killedAt)).toEqual([]);
      expect(all(service, 'worker crashed')).toMatchObject([
        { level: 'error', pid: killed, signal: 'SIGKILL' },
      ]);
      expect((await service.management.get('/readyz')).body.details.workers).toMatchObject({ ready: 2 });
      await times(service, 'log level changed', 3);
      expect(all(service, 'log level changed')).toMatchObject([
        { to: 'debug' },
        { to: 'debug' },
        { to: 'debug' },
      ]);
    },
  );

  test(
    'finish their calls on SIGTERM, and end once where it goes to the whole process group',
    { timeout: TEST_MS },
    async () => {
      const { lock, call } = await holdCall(service);
      for (const pid of pidsOf(service)) process.kill(pid, 'SIGTERM');
      service.signal('SIGTERM');
      await service.line('shutting down');
      expect(await service.management.get('/readyz')).toMatchObject({
        status: 503,
        body: { status: 'shutting_down' },
      });
      await lock.release();
      expect(await call).toMatchObject({ status: 200, body: { totalAmount: 10 } });
      expect(await service.exit).toBe(0);
      expect(all(service, 'worker ended')).toMatchObject([{ exit_code: 0 }, { exit_code: 0 }]);
      expect(all(service, 'worker crashed')).toHaveLength(1);
      expect(service.lines.at(-1)).toMatchObject({ level: 'info', msg: 'shut down' });
      expect(service.stderr).toBe('');
    },
  );
});

describe('several workers do not start', () => {
  test('over the embedded database, and say what to do', { timeout: TEST_MS }, async () => {
    await using service = await start({ env: { DATABASE_URL: '' } });
    expect(await service.exit).toBe(1);
    expect(service.lines).toHaveLength(1);
    expect(service.lines[0]).toMatchObject({
      level: 'fatal',
      msg: expect.stringMatching(/WORKERS.*DATABASE_URL/),
    });
  });

  test('with a configuration that is not valid', { timeout: TEST_MS }, async () => {
    await using service = await start({ env: { WORKERS: 'many', LOG_LEVEL: 'loud' } });
    expect(await service.exit).toBe(1);
    expect(service.lines).toMatchObject([
      { level: 'fatal', msg: expect.stringMatching(/LOG_LEVEL.*WORKERS/) },
    ]);
  });
});

describe('workers that are replaced', () => {
  const CALLS = 'http_server_request_duration_seconds_count';
  let service: Started;
  beforeAll(async () => {
    service = await start({ env: { MANAGEMENT_TOKEN: 'of-the-test' } });
    await service.ready();
  });
  afterAll(() => service.stop('SIGKILL'));

  test('leave metrics that are those of all, and never fall', { timeout: TEST_MS }, async () => {
    const call = async (count: number) => {
      for (let i = 0; i < count; i++) await request(service.address('http'), '/v1/orders');
    };
    await call(10);
    const first = await Scrape.of(service);
    expect(first.sum(CALLS)).toBe(10);
    expect(
      first
        .find('process_resident_memory_bytes')
        .map(({ labels }) => labels['worker'])
        .toSorted(),
    ).toEqual(['1', '2']);
    expect(first.find('http_server_active_requests')).toHaveLength(1);
    expect(first.find('service_info')).toMatchObject([{ value: 1 }]);
    expect(first.sum('workers', { state: 'ready' })).toBe(2);

    service.signal('SIGUSR2');
    await service.line('rolling restart done', START_MS);
    await call(10);
    const second = await Scrape.of(service);
    expect(second.sum(CALLS)).toBe(20);
    expect(second.sum('worker_restarts_total', { reason: 'rolling' })).toBe(2);
    expect(second.sum('process_cpu_seconds_total')).toBeGreaterThanOrEqual(
      first.sum('process_cpu_seconds_total'),
    );

    process.kill(pidOf(service), 'SIGKILL');
    await times(service, 'worker ready', 5);
    await call(10);
    const third = await Scrape.of(service);
    expect(third.sum(CALLS)).toBe(30);
    expect(third.sum('worker_restarts_total', { reason: 'crash' })).toBe(1);
  });

  test(
    'drain on POST /drain, which is for callers that may do it, as every change',
    { timeout: TEST_MS },
    async () => {
      const put = (authorization: string) =>
        service.management.send('/tracing', {
          method: 'PUT',
          headers: { 'content-type': 'application/json', authorization },
          body: JSON.stringify({ ratio: 0.5 }),
        });
      expect((await put('Bearer wrong')).status).toBe(401);
      expect((await put('Bearer of-the-test')).status).toBe(200);
      const repeated = ['Bearer of-the-test', 'Bearer wrong'].map((each) => `authorization: ${each}\r\n`);
      const { status } = await sendRaw(
        service.address('management'),
        `PUT /tracing HTTP/1.1\r\nhost: test\r\n${repeated.join('')}content-type: application/json\r\ncontent-length: 13\r\n\r\n{"ratio":0.5}`,
      );
      expect(status).toBe(400); // as one process does
      const { lock, call } = await holdCall(service);
      const drain = (authorization: string) =>
        service.management.send('/drain', { method: 'POST', headers: { authorization } });
      expect((await drain('Bearer wrong')).status).toBe(401);
      const before = all(service, 'worker ended').length;
      expect((await drain('Bearer of-the-test')).status).toBe(202);
      await lock.release();
      expect(await call).toMatchObject({ status: 200 });
      expect(await service.exit).toBe(0);
      expect(all(service, 'worker ended').slice(before)).toMatchObject([{ exit_code: 0 }, { exit_code: 0 }]);
      expect(all(service, 'worker crashed')).toHaveLength(1);
    },
  );
});

describe('new workers', () => {
  let root: string;
  let service: Started;
  beforeAll(async () => {
    root = await copyService(join(directory, 'changed'));
    service = await start({ root, env: { HTTP_PORT: '0', SERVICE_VERSION: '' } });
    await service.ready();
  });
  afterAll(() => service.stop('SIGKILL'));

  test(
    'start on SIGUSR2 with the code and the configuration that are on disk, without a failed call',
    { timeout: TEST_MS },
    async () => {
      const old = pidsOf(service);
      const load = loadOf(() => request(service.address('http'), '/v1/orders'), 4);
      const kept = loadOf(() => fetchOn(service.address('http'), '/v1/orders'), 4);
      const rpcs = loadOf(() => listOn(service.grpc), 4);
      await eventually('calls run', () => [load, kept, rpcs].every(({ count }) => count() > 20));
      writeFileSync(join(root, 'config/test.yaml'), 'SERVICE_VERSION: 2.0.0-next\nWORKERS: 3\n');
      service.signal('SIGUSR2');
      await service.line('rolling restart done', START_MS);
      for (const each of [load, kept, rpcs]) expect(await each.stop()).toEqual([]);
      expect((await service.management.get('/info')).body).toMatchObject({ version: '2.0.0-next' });
      expect(old.filter(exists)).toEqual([]);
      const story = service.lines
        .filter(({ msg }) => msg === 'worker ready' || msg === 'worker ended')
        .slice(2);
      expect(story.map(({ msg }) => msg)).toEqual([
        'worker ready',
        'worker ready',
        'worker ended',
        'worker ended',
      ]);
      expect(all(service, 'worker ended')).toMatchObject([{ exit_code: 0 }, { exit_code: 0 }]);
    },
  );

  test('that cannot start leave the old ones, and it is said why', { timeout: TEST_MS }, async () => {
    const old = pidsOf(service);
    const failures = () =>
      service.lines.filter(({ msg }) => String(msg).startsWith('rolling restart failed'));
    const spoil = [
      ['config/test.yaml', 'HEALTH_TIMEOUT_MS: soon\n', /HEALTH_TIMEOUT_MS/],
      ['config/test.yaml', 'NO_SUCH_KEY: 1\n', /NO_SUCH_KEY/],
      ['dist/app.module.js', 'throw new Error("the new code is broken");', /the new code is broken/],
    ] as const;
    for (const [index, [file, text, says]] of spoil.entries()) {
      writeFileSync(join(root, file), text);
      service.signal('SIGUSR2');
      await eventually('the failure is told', () => failures().length > index, START_MS);
      expect(failures()[index]).toMatchObject({ level: 'error', msg: expect.stringMatching(says) });
      writeFileSync(join(root, 'config/test.yaml'), '{}');
    }
    expect(pidsOf(service)).toEqual(old);
    expect(await request(service.address('http'), '/v1/orders')).toBe(200);
    expect((await service.management.get('/readyz')).status).toBe(200);
  });

  test(
    'that crash again and again in place of one that died end the service with a clear error',
    { timeout: TEST_MS },
    async () => {
      writeFileSync(join(root, 'dist/app.module.js'), 'throw new Error("nothing starts any more");');
      process.kill(pidOf(service), 'SIGKILL');
      expect(await service.exit).toBe(1);
      const fatal = service.lines.filter(({ level }) => level === 'fatal');
      expect(fatal).toMatchObject([
        { msg: expect.stringMatching(/crash again and again/), reason: 'nothing starts any more' },
      ]);
    },
  );
});

describe('the end at once', () => {
  test('comes with a second signal', { timeout: TEST_MS }, async () => {
    await using service = await start();
    await service.ready();
    const { lock, call } = await holdCall(service);
    const pids = pidsOf(service);
    service.signal('SIGINT');
    await service.line('shutting down');
    service.signal('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'shutdown forced' });
    expect(await call).toBe('cut');
    await eventually('no worker is left', () => !pids.some(exists));
    await lock.release();
  });

  test('comes with SIGQUIT', { timeout: TEST_MS }, async () => {
    await using service = await start();
    await service.ready();
    const { lock, call } = await holdCall(service);
    const pids = pidsOf(service);
    expect(await service.stop('SIGQUIT')).not.toBe(0);
    expect(await call).toBe('cut');
    await eventually('no worker is left', () => !pids.some(exists));
    await lock.release();
  });
});
