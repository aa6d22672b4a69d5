import { Injectable, Logger, Module, Scope, type Type } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import type { ServiceDefinition } from '#chassis';
import { HttpClients } from '#chassis/clients';
import { currentCall, type JobCall } from '#chassis/context';
import { Database, DatabaseModule } from '#chassis/database';
import { ServiceError } from '#chassis/errors';
import { Job, type JobOptions } from '#chassis/jobs';
import { service as project } from '../../src/app.module.js';
import { beginFault, endFaults } from '../support/faulty.js';
import { eventually, TestApp } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { Scrape } from '../support/scrape.js';

type Line = Readonly<Record<string, unknown>>;

/** Nothing is asked there. */
const NOBODY = 'http://127.0.0.1:9';
const GET = { method: 'GET', path: '/' };
const NEVER = { cron: '0 0 1 1 *' };

/** Does what the test says, and notes how it went. */
@Injectable()
class Worker {
  readonly runs: { readonly call: JobCall; readonly seen: unknown }[] = [];
  work: (call: JobCall) => Promise<unknown> = async () => undefined;
  readonly #logger = new Logger(Worker.name);

  @Job(NEVER)
  async run(call: JobCall): Promise<void> {
    this.runs.push({ call, seen: currentCall() });
    await this.work(call);
    this.#logger.log('at work');
  }
}

/** One that is due all the time. */
@Injectable()
class Ticker {
  runs = 0;
  work: () => Promise<unknown> = async () => undefined;

  @Job({ name: 'ticker', everyMs: 100, timeoutMs: 5000 })
  async tick(): Promise<void> {
    this.runs += 1;
    await this.work();
  }
}

/** Has little time. */
@Injectable()
class Hasty {
  constructor(private readonly database: Database) {}

  @Job({ ...NEVER, name: 'hasty', timeoutMs: 50 })
  async run(): Promise<void> {
    await this.database.ping();
  }
}

@Module({ imports: [DatabaseModule], providers: [Worker, Hasty] })
class QueryingModule {}

function serviceOf(...providers: Type[]): ServiceDefinition {
  @Module({ providers })
  class JobsTestModule {}
  return { ...project, module: JobsTestModule };
}

/** A class whose method `run` is a job with these options. */
function declare(options: JobOptions, name = 'Cleaner'): Type {
  class Declared {
    @Job(options)
    async run(): Promise<void> {
      // It is never run.
    }
  }
  Object.defineProperty(Declared, 'name', { value: name });
  Injectable()(Declared);
  return Declared;
}

let lines: Line[];
let apps: TestApp[];
beforeEach(() => {
  lines = [];
  apps = [];
});
afterEach(() => Promise.all(apps.map((app) => app.stop())));

async function start(service: ServiceDefinition, config: Line = {}): Promise<TestApp> {
  const app = await TestApp.start({
    service,
    config: { LOG_LEVEL: 'info', LOG_FORMAT: 'json', ...config },
    logTo: { write: (text) => lines.push(JSON.parse(text) as Line) },
  });
  apps.push(app);
  return app;
}

const jobLines = () => lines.filter(({ msg, result }) => msg === 'job' && result !== undefined);
const run = (app: TestApp, name = 'Worker.run', headers = {}) =>
  app.management.post(`/jobs/${name}/run`, undefined, headers);
const describeJob = async ({ management }: TestApp, name = 'Worker.run') => {
  const { body } = await management.get('/jobs');
  return (body.jobs as Line[]).find((job) => job['name'] === name) ?? {};
};

/** Runs the worker's job once and waits for its line. */
async function runOnce(app: TestApp): Promise<Line> {
  const before = jobLines().length;
  expect((await run(app)).status).toBe(202);
  await eventually('the job has its line', () => jobLines().length > before);
  await eventually('it is over', async () => (await describeJob(app))['isRunning'] === false);
  return jobLines().at(-1) as Line;
}

describe('a run', () => {
  test('has a call context of its own, which its log lines bear', async () => {
    const app = await start(serviceOf(Worker));
    const line = await runOnce(app);
    const [first] = app.get(Worker).runs;
    expect(first?.seen).toBe(first?.call);
    expect(first?.call).toMatchObject({ transport: 'job', job: 'Worker.run' });
    expect(first?.call.deadline).toBeGreaterThan(Date.now());
    expect(line).toMatchObject({
      level: 'info',
      job: 'Worker.run',
      result: 'success',
      latency_ms: expect.any(Number),
      request_id: first?.call.requestId,
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const own = lines.find(({ msg }) => msg === 'at work');
    expect(own).toMatchObject({ request_id: line['request_id'], trace_id: line['trace_id'] });
  });

  test('is one root span with what it does below it', async () => {
    const receiver = await OtlpReceiver.start();
    try {
      const app = await start(serviceOf(Worker), {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
        OTEL_BSP_SCHEDULE_DELAY: 20,
      });
      app.get(Worker).work = async () => trace.getTracer('test').startSpan('inside').end();
      const line = await runOnce(app);
      const [root] = await receiver.find('root', ({ name }) => name === 'Worker.run');
      const [inside] = await receiver.find('inside', ({ name }) => name === 'inside');
      expect(root).toMatchObject({
        parentSpanId: '',
        traceId: line['trace_id'],
        status: undefined,
        attributes: { 'job.name': 'Worker.run' },
      });
      expect(inside).toMatchObject({ traceId: root?.traceId, parentSpanId: root?.spanId });
      expect(receiver.spans.filter(({ name }) => name === 'Worker.run')).toHaveLength(1);

      app.get(Worker).work = async () => Promise.reject(new RangeError('too far'));
      await runOnce(app);
      const [failed] = await receiver.find('failed', ({ status }) => status?.code === 2);
      expect(failed?.attributes).toMatchObject({ 'error.type': 'RangeError' });
      expect(failed?.events[0]).toMatchObject({ name: 'exception' });
    } finally {
      await receiver.stop();
    }
  });

  test.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws at once',
      () => {
        throw new Error('broken');
      },
    ],
    ['throws no error', () => Promise.reject('broken')], // oxlint-disable-line typescript/prefer-promise-reject-errors
  ])('that %s is told and counted, and the next one runs', async (_how, work) => {
    const app = await start(serviceOf(Worker));
    app.get(Worker).work = work;
    expect(await runOnce(app)).toMatchObject({
      level: 'error',
      result: 'failure',
      err: { message: 'broken' },
    });
    app.get(Worker).work = async () => undefined;
    expect(await runOnce(app)).toMatchObject({ result: 'success' });
    const { body } = await app.management.get('/metrics');
    expect(body).toContain('job_runs_total{name="Worker.run",result="failure"} 1');
    expect(body).toContain('job_runs_total{name="Worker.run",result="success"} 1');
    expect(body).toContain('job_duration_seconds_count{name="Worker.run"} 2');
    const [, at] = /job_last_success_timestamp_seconds\{name="Worker.run"\} (\S+)/.exec(body as string) ?? [];
    expect(Math.abs(Number(at) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('meets faults of dependencies within its own time, and none of routes and rpcs', async () => {
    const DATABASE_URL = await createDatabase(inject('postgresUrl'));
    const app = await start({ ...project, module: QueryingModule }, { DATABASE_URL });
    const fault = { kind: 'abort', code: 'UNAVAILABLE' };
    await beginFault(app, { ...fault, id: 'calls', routes: ['*'], rpcs: ['*'] });
    await beginFault(app, { ...fault, id: 'of-calls', routes: ['*'], dependencies: ['*'] });
    app.get(Worker).work = () => app.get(Database).ping();
    expect(await runOnce(app)).toMatchObject({ result: 'success' });
    expect(jobLines().at(-1)).not.toHaveProperty('chaos');

    await beginFault(app, { ...fault, id: 'no-database', dependencies: ['database'] });
    expect(await runOnce(app)).toMatchObject({
      result: 'failure',
      chaos: 'no-database',
      err: { reason: 'FAULT_INJECTED' },
    });
    app.get(Worker).work = () => app.get(HttpClients).create({ name: 'away', baseUrl: NOBODY }).send(GET);
    await beginFault(app, { kind: 'unavailable', id: 'no-client', dependencies: ['client:away'] });
    expect(await runOnce(app)).toMatchObject({
      result: 'failure',
      chaos: 'no-client',
      err: { reason: 'UPSTREAM_UNAVAILABLE' },
    });
    app.get(Worker).work = async () => undefined;
    expect(await runOnce(app)).toMatchObject({ result: 'success' });

    await endFaults(app);
    await beginFault(app, { kind: 'latency', delayMs: 600_000, id: 'slow', dependencies: ['database'] });
    await run(app, 'hasty');
    await eventually('its time is over', () => jobLines().at(-1)?.['result'] === 'timeout');
    expect(jobLines().at(-1)).toMatchObject({ job: 'hasty', chaos: 'slow' });
    await eventually('it is over', async () => (await describeJob(app, 'hasty'))['isRunning'] === false);
    const scrape = await Scrape.of(app);
    expect(scrape.sum('chaos_faults_injected_total', { kind: 'abort', target: 'database' })).toBe(1);
    expect(scrape.sum('chaos_faults_injected_total', { kind: 'unavailable', target: 'client:away' })).toBe(1);
  });

  test('is aborted at its time limit, and is not over before it returns', async () => {
    const aborted: unknown[] = [];
    const ending = Promise.withResolvers<void>();
    @Injectable()
    class Slow {
      @Job({ ...NEVER, name: 'slow', timeoutMs: 50 })
      async run({ signal }: JobCall): Promise<void> {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        await ending.promise;
      }
    }
    const app = await start(serviceOf(Slow));
    await run(app, 'slow');
    await eventually('the run has its line', () => jobLines().length === 1);
    expect(jobLines()[0]).toMatchObject({ level: 'warn', result: 'timeout' });
    expect(aborted).toEqual([expect.objectContaining({ reason: 'DEADLINE_EXCEEDED' })]);
    expect(await run(app, 'slow')).toMatchObject({ status: 409, body: { reason: 'JOB_RUNNING' } });
    ending.resolve();
    await eventually('it is over', async () => (await describeJob(app, 'slow'))['isRunning'] === false);
    expect((await run(app, 'slow')).status).toBe(202);
  });
});

describe('the schedule', () => {
  test('runs it again and again from the time the instance is ready', async () => {
    const app = await start(serviceOf(Ticker));
    await eventually('three runs', () => jobLines().length >= 3);
    const times = jobLines().map((line) => Date.parse(line['scheduled_at'] as string));
    expect(times.every((time) => time % 100 === 0)).toBe(true);
    expect(new Set(times).size).toBe(times.length);
    const { nextRunAt, lastRun } = await describeJob(app, 'ticker');
    expect(Date.parse(nextRunAt as string) % 100).toBe(0);
    expect(lastRun).toMatchObject({ result: 'success', requestId: expect.any(String) });
    expect(String((lastRun as { durationMs: number }).durationMs)).toMatch(/^\d+(\.\d{1,3})?$/);
  });

  test('never runs it twice at once; what is due meanwhile is skipped', async () => {
    const app = await start(serviceOf(Ticker), { JOBS_ENABLED: 'false' });
    const holding = Promise.withResolvers<void>();
    const ticker = app.get(Ticker);
    ticker.work = () => holding.promise;
    await app.management.send('/jobs', toggle(true));
    await eventually('two were skipped', () => jobLines().filter(isSkipped).length >= 2);
    expect(ticker.runs).toBe(1);
    holding.resolve();
    await eventually('it runs again', () => ticker.runs > 1);
    expect((await app.management.get('/metrics')).body).toMatch(
      /job_runs_total\{name="ticker",result="skipped"\} [2-9]/,
    );
  });

  test('stands still where JOBS_ENABLED is false, and on the word of an operator', async () => {
    const app = await start(serviceOf(Ticker), { JOBS_ENABLED: 'false' });
    expect(await describeJob(app, 'ticker')).toMatchObject({ nextRunAt: null, lastRun: null });
    expect((await run(app, 'ticker')).status).toBe(202);
    await eventually("the operator's run is over", () => jobLines().length === 1);
    await app.management.send('/jobs', toggle(true));
    await eventually('it runs by itself', () => jobLines().length >= 3);
    const { body } = await app.management.send('/jobs', toggle(false));
    expect(body).toMatchObject({ isEnabled: false, jobs: [{ nextRunAt: null }] });
  });

  test('may begin with a run at the start', async () => {
    let runs = 0;
    @Injectable()
    class Warm {
      @Job({ ...NEVER, runOnStart: true })
      async up(): Promise<void> {
        runs += 1;
      }
    }
    await start(serviceOf(Warm));
    await eventually('it ran', () => runs === 1);
  });
});

test('a claim that Redis answers too late is given back', async () => {
  await using redis = await RedisServer.start();
  const settings = { JOBS_ENABLED: 'false', REDIS_URL: redis.url, REDIS_COMMAND_TIMEOUT_MS: 500 };
  const app = await start(serviceOf(Worker, Ticker), settings);
  const holding = Promise.withResolvers<void>();
  app.get(Ticker).work = () => holding.promise;
  // From now on Redis knows how to claim, and not yet how to release.
  expect((await run(app, 'ticker')).status).toBe(202);
  redis.freeze();
  expect(await run(app)).toMatchObject({ status: 503, body: { reason: 'JOB_LOCK_UNAVAILABLE' } });
  redis.thaw();
  await eventually('it can be run', async () => (await run(app)).status === 202, 5000);
  holding.resolve();
});

test('nor is a run begun whose claim PostgreSQL answers when its lease may be over', async () => {
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  const app = await start({ ...project, module: QueryingModule }, { DATABASE_URL, JOBS_ENABLED: 'false' });
  await runOnce(app);
  const holding = runOn(
    DATABASE_URL,
    'do $$ begin perform 1 from job_leases for update; perform pg_sleep(5.5); end $$',
  );
  await eventually('the row is locked', async () => (await waitEvents(DATABASE_URL)).includes('PgSleep'));
  expect(await run(app)).toMatchObject({ status: 503, body: { reason: 'JOB_LOCK_UNAVAILABLE' } });
  await holding;
  expect(jobLines().at(-1)).toMatchObject({
    result: 'skipped',
    cause: expect.stringMatching(/within 5000 ms/),
  });
  expect(app.get(Worker).runs).toHaveLength(1);
  await runOnce(app);
});

async function waitEvents(url: string): Promise<unknown[]> {
  const rows = await runOn(url, 'select wait_event from pg_stat_activity where datname = current_database()');
  return rows.map((row) => row['wait_event']);
}

const isSkipped = ({ result }: Line) => result === 'skipped';
const toggle = (isEnabled: boolean) => ({
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ isEnabled }),
});

describe('the management port', () => {
  test('lists what there is', async () => {
    const app = await start(serviceOf(Worker));
    expect((await app.management.get('/jobs')).body).toEqual({
      isEnabled: true,
      lock: 'process',
      jobs: [
        {
          name: 'Worker.run',
          method: 'Worker.run',
          schedule: '0 0 1 1 * (UTC)',
          timeoutMs: 60_000,
          isLocked: true,
          isRunning: false,
          nextRunAt: expect.stringMatching(/-01-01T00:00:00.000Z$/),
          lastRun: null,
        },
      ],
    });
  });

  test('takes changes as any other: with the token', async () => {
    const app = await start(serviceOf(Worker), { MANAGEMENT_TOKEN: 'secret' });
    expect((await run(app)).status).toBe(401);
    expect((await app.management.send('/jobs', toggle(false))).status).toBe(401);
    expect((await app.management.get('/jobs')).body).toMatchObject({ isEnabled: true });
    expect((await run(app, 'Worker.run', { authorization: 'Bearer secret' })).status).toBe(202);
  });

  test('refuses what it does not know', async () => {
    const app = await start(serviceOf(Worker));
    expect(await run(app, 'nobody')).toMatchObject({ status: 404, body: { reason: 'JOB_NOT_FOUND' } });
    const { status, body } = await app.management.send('/jobs', { ...toggle(true), body: '{"isEnabled":1}' });
    expect([status, body.reason]).toEqual([400, 'VALIDATION_FAILED']);
  });
});

describe('at the end', () => {
  test('a run that goes on is waited for, and none begins', async () => {
    const app = await start(serviceOf(Worker, Ticker));
    const ending = Promise.withResolvers<void>();
    app.get(Worker).work = () => ending.promise;
    await run(app);
    const closing = app.service.close();
    await eventually(
      'scheduling has stopped',
      async () => (await describeJob(app, 'ticker'))['nextRunAt'] === null,
    );
    const { runs } = app.get(Ticker);
    expect(await run(app, 'ticker')).toMatchObject({ status: 503, body: { reason: 'SHUTTING_DOWN' } });
    ending.resolve();
    await closing;
    expect(jobLines().find(({ job }) => job === 'Worker.run')).toMatchObject({ result: 'success' });
    expect(app.get(Ticker).runs).toBe(runs);
  });

  test('a run that takes too long is aborted after the calls', async () => {
    const app = await start(serviceOf(Worker), { SHUTDOWN_GRACE_MS: 50 });
    const reasons: unknown[] = [];
    app.get(Worker).work = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as ServiceError).reason);
          reject(signal.reason as Error);
        });
      });
    await run(app);
    await app.service.close();
    expect(reasons).toEqual(['SHUTTING_DOWN']);
    expect(jobLines().at(-1)).toMatchObject({ result: 'failure' });
    expect(lines.find(({ stage }) => stage === 'calls')).toMatchObject({ pending: ['Jobs.finish'] });
  });
});

describe('a service whose jobs cannot run does not start', () => {
  @Injectable({ scope: Scope.REQUEST })
  class Fleeting {
    @Job(NEVER)
    async run(): Promise<void> {
      // It is never run.
    }
  }
  @Injectable({ scope: Scope.TRANSIENT })
  class Passing {
    @Job(NEVER)
    async run(): Promise<void> {
      // Nest would give it an instance that was never constructed.
    }
  }
  const bad = (options: JobOptions) => [declare(options)];

  test.each([
    ['no schedule', bad({}), 'Cleaner.run needs one of cron and everyMs'],
    ['a broken cron', bad({ cron: '61 * * * *' }), 'Cleaner.run has the cron "61 * * * *"'],
    ['a strange name', bad({ ...NEVER, name: '../etc' }), 'Cleaner.run has the name "../etc": use letters'],
    ['no time to run', bad({ ...NEVER, timeoutMs: 0 }), 'Cleaner.run has timeoutMs 0'],
    [
      'an option that is none',
      bad({ ...NEVER, locked: false } as JobOptions),
      'Cleaner.run has locked, which is no option',
    ],
    ['two of one name', [declare(NEVER), declare(NEVER)], 'the name "Cleaner.run", which another job has'],
    ['no instance', [Fleeting], 'Fleeting.run belongs to a request-scoped or transient provider'],
    ['no instance of its own', [Passing], 'Passing.run belongs to a request-scoped or transient provider'],
    [
      'several faults',
      [declare({ everyMs: 1 }, 'Early'), declare({ ...NEVER, name: '' }, 'Late')],
      /Early\.run has everyMs 1,.*; Late\.run has the name ""/,
    ],
  ])('%s', async (_what, providers, fault) => {
    await expect(TestApp.start({ service: serviceOf(...providers) })).rejects.toThrow(fault);
  });
});
