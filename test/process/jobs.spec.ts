import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { createDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { startProcess, type LogLine, type ServiceProcess } from '../support/service-process.js';
import { eventually } from '../support/eventually.js';

const PROGRAM = join(import.meta.dirname, 'fixtures/jobs-service.ts');
const EVERY_MS = 200;
const WANTED = 12;

const start = (env: Readonly<Record<string, string>>) => startProcess({ program: PROGRAM, env });

/** Times whose run is in the log, of all processes together. */
function timesOf(...services: ServiceProcess[]): number[] {
  const isRun = ({ msg, result }: LogLine) => msg === 'job' && result === 'success';
  const lines = services.flatMap((service) => service.lines.filter(isRun));
  return lines.map((line) => Date.parse(line['scheduled_at'] as string)).toSorted((a, b) => a - b);
}

/** Each once; a process that was too busy may have left one out. */
function expectEachOnce(times: readonly number[]): void {
  expect(new Set(times).size).toBe(times.length);
  expect(times.every((time) => time % EVERY_MS === 0)).toBe(true);
}

/** Two processes that have run many times by now, each once. */
async function runTwo(env: Readonly<Record<string, string>>, lock: string) {
  const two = await Promise.all([start(env), start(env)]);
  onTestFinished(async () => void (await Promise.all(two.map((each) => each.stop('SIGKILL')))));
  await Promise.all(two.map((each) => each.ready()));
  expect((await two[0].management.get('/jobs')).body).toMatchObject({ lock });
  await eventually('many runs', () => timesOf(...two).length >= WANTED, 20_000);
  return two;
}

describe('two processes run each time once', () => {
  test('over one PostgreSQL server', async () => {
    const two = await runTwo({ DATABASE_URL: await createDatabase(inject('postgresUrl')) }, 'postgres');
    await Promise.all(two.map((each) => each.stop()));
    expectEachOnce(timesOf(...two));
  });

  test('over one Redis; while it is away nobody runs it, when it is back they run it again', async () => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.stop());
    const two = await runTwo({ REDIS_URL: redis.url, REDIS_COMMAND_TIMEOUT_MS: '2000' }, 'redis');
    await redis.kill();
    // What was claimed before has run by the time that both are refused.
    const skipped = () => two.map(({ lines }) => lines.filter(({ result }) => result === 'skipped'));
    await eventually('both skip two', () => skipped().every((lines) => lines.length >= 2));
    for (const lines of skipped()) {
      expect(lines.at(-1)).toMatchObject({ level: 'warn', job: 'sweeper' });
      expect(String(lines.at(-1)?.['cause'])).toContain('the lock could not be asked: Redis is away');
    }
    const before = timesOf(...two);
    expectEachOnce(before);
    await redis.start();
    await eventually('it runs again', () => timesOf(...two).length > before.length, 20_000);
  });
});

test('workers of one service run each time once, and an order to run is for one of them', async () => {
  const redis = await RedisServer.start();
  try {
    await using service = await start({
      REDIS_URL: redis.url,
      WORKERS: '2',
      REDIS_COMMAND_TIMEOUT_MS: '2000',
    });
    await service.ready();
    await eventually('many runs', () => timesOf(service).length >= WANTED, 20_000);
    expectEachOnce(timesOf(service));
    expect(new Set(service.lines.map(({ worker }) => worker))).toContain(2);
    await service.management.send('/jobs', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"isEnabled":false}',
    });
    // What was under way when the schedules stopped.
    await eventually('no more', async () => {
      const before = timesOf(service).length;
      await new Promise((resolve) => setTimeout(resolve, 2 * EVERY_MS));
      return timesOf(service).length === before;
    });
    const before = timesOf(service).length;
    expect((await service.management.post('/jobs/sweeper/run')).status).toBe(202);
    await eventually('one more run', () => timesOf(service).length > before);
    expect(timesOf(service)).toHaveLength(before + 1);
  } finally {
    await redis.stop();
  }
});

test('workers that share nothing are told so', async () => {
  await using service = await start({ WORKERS: '2' });
  expect(await service.exit).toBe(1);
  expect(JSON.stringify(service.lines)).toContain(
    'Set REDIS_URL, give the service a database with DATABASE_URL',
  );
});
