import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { loadConfig } from '../../src/chassis/config/index.js';
import { migrate, openDatabase } from '../../src/chassis/database/index.js';
import { Redis } from '../../src/chassis/redis/index.js';
import type { JobLock } from '../../src/chassis/jobs/job-lock.js';
import { jobLeasesMigrations, PostgresJobLock } from '../../src/chassis/jobs/postgres-job-lock.js';
import { RedisJobLock } from '../../src/chassis/jobs/redis-job-lock.js';

/** A lock of each of two services, and how they are closed. */
interface Opened {
  readonly lock: JobLock;
  readonly ofAnother: JobLock;
  /** As if so much time had passed in the store. */
  age(ms: number): Promise<void>;
  close(): Promise<void>;
}

async function openPostgres(): Promise<Opened> {
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  const directory = fileURLToPath(new URL('../../', import.meta.url));
  const database = await openDatabase(
    await loadConfig({ env: {}, directory, overrides: { APP_ENV: 'test', DATABASE_URL } }),
  );
  const migrations = [{ name: 'job_leases', migrations: jobLeasesMigrations }];
  await Promise.all([migrate(database.query, migrations), migrate(database.query, migrations)]);
  return {
    lock: new PostgresJobLock(database, 'one'),
    ofAnother: new PostgresJobLock(database, 'another'),
    age: async (ms) => {
      await sql`update job_leases set expires_at = expires_at - ${ms} * interval '1 millisecond'`.execute(
        database.query,
      );
    },
    close: () => database.close(),
  };
}

async function openRedis(): Promise<Opened> {
  const server = await RedisServer.start();
  const redis = new Redis({ url: server.url, name: 'test', connectTimeoutMs: 5000, commandTimeoutMs: 5000 });
  await redis.start();
  return {
    lock: new RedisJobLock(redis, 'one'),
    ofAnother: new RedisJobLock(redis, 'another'),
    age: async (ms) => {
      const keys = (await redis.send(['KEYS', '*'])) as string[];
      for (const key of keys) {
        const leftMs = Number(await redis.send(['PTTL', key])) - ms;
        await redis.send(['PEXPIRE', key, String(leftMs)]);
      }
    },
    close: async () => {
      redis.close();
      await server.stop();
    },
  };
}

const MINUTE_MS = 60_000;
const claimOf = (job: string, dueAt: number, token: string, leaseMs = MINUTE_MS) => ({
  job,
  dueAt,
  token,
  leaseMs,
});

describe.each([
  { kind: 'postgres', open: openPostgres },
  { kind: 'redis', open: openRedis },
])('$kind', ({ open }) => {
  let opened: Opened;
  let lock: JobLock;
  beforeAll(async () => {
    opened = await open();
    ({ lock } = opened);
  });
  afterAll(() => opened.close());

  test('one of many gets each time, and nobody gets it again', async () => {
    const claims = Array.from({ length: 20 }, (_, index) => claimOf('many', 100, `token-${index}`));
    const answers = await Promise.all(claims.map((claim) => lock.claim(claim)));
    expect(answers.filter((answer) => answer === 'acquired')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'taken')).toHaveLength(19);
    const winner = claims[answers.indexOf('acquired')];
    await lock.release(winner ?? claimOf('', 0, ''));
    expect(await lock.claim(claimOf('many', 100, 'late'))).toBe('taken');
    expect(await lock.claim(claimOf('many', 99, 'earlier'))).toBe('taken');
    expect(await lock.claim(claimOf('many', 101, 'next'))).toBe('acquired');
  });

  test('a run that goes on keeps later times out until it is released', async () => {
    const holder = claimOf('long', 100, 'holder');
    expect(await lock.claim(holder)).toBe('acquired');
    expect(await lock.claim(claimOf('long', 200, 'other'))).toBe('busy');
    await lock.release(claimOf('long', 100, 'somebody else'));
    expect(await lock.claim(claimOf('long', 200, 'other'))).toBe('busy');
    await lock.release(holder);
    expect(await lock.claim(claimOf('long', 200, 'other'))).toBe('acquired');
  });

  test('a lease that is over is free, and its holder releases nobody else', async () => {
    const dead = claimOf('dead', 100, 'dead', 1);
    expect(await lock.claim(dead)).toBe('acquired');
    await expect.poll(() => lock.claim(claimOf('dead', 200, 'heir'))).toBe('acquired');
    await lock.release(dead);
    expect(await lock.claim(claimOf('dead', 300, 'third'))).toBe('busy');
  });

  test('one whose clock ran ahead keeps the others out for a day, and not until that time has come', async () => {
    const HOUR_MS = 60 * MINUTE_MS;
    const ahead = claimOf('ahead', 1_000_000, 'ahead');
    expect(await lock.claim(ahead)).toBe('acquired');
    await lock.release(ahead);
    await opened.age(23 * HOUR_MS);
    expect(await lock.claim(claimOf('ahead', 200, 'too early'))).toBe('taken');
    await opened.age(2 * HOUR_MS);
    expect(await lock.claim(claimOf('ahead', 200, 'right'))).toBe('acquired');
    expect(await lock.claim(claimOf('ahead', 200, 'again'))).toBe('taken');
    expect(await lock.claim(claimOf('ahead', 300, 'next'))).toBe('busy');
  });

  test('jobs and services do not meet', async () => {
    expect(await lock.claim(claimOf('a', 100, 'a'))).toBe('acquired');
    expect(await lock.claim(claimOf('b', 100, 'b'))).toBe('acquired');
    expect(await opened.ofAnother.claim(claimOf('a', 100, 'c'))).toBe('acquired');
  });
});
