import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ConsoleLogger,
  Injectable,
  Logger,
  Module,
  type DynamicModule,
  type OnModuleInit,
} from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { sql, type Kysely } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { Config, loadConfig } from '../../src/chassis/config/index.js';
import { HttpCall, JobCall, runInCall } from '../../src/chassis/context/index.js';
import { Database, DatabaseModule, migrate, openDatabase } from '../../src/chassis/database/index.js';
import { deadlineExceeded } from '../../src/chassis/errors/index.js';
import { HealthModule, HealthService } from '../../src/chassis/health/index.js';
import { Openings } from '../../src/chassis/lifecycle/index.js';
import { MetricsRegistry } from '../../src/chassis/metrics/index.js';
import { buildOnce } from '../support/build.js';
import { FreezingProxy } from '../support/freezing-proxy.js';
import { createDatabase, runOn } from '../support/postgres.js';

interface Tables {
  item: { id: number; name: string };
}
type Overrides = Readonly<Record<string, unknown>>;

const root = resolve(import.meta.dirname, '../..');

function configOf(overrides: Overrides): Promise<Config> {
  return loadConfig({ env: {}, directory: root, overrides: { APP_ENV: 'test', ...overrides } });
}

async function one<T>(database: Database<Tables>, text: string): Promise<T> {
  const { rows } = await sql.raw<T>(text).execute(database.query);
  return rows[0] as T;
}

function newCall(): HttpCall {
  return new HttpCall('test-request', 'GET', '/');
}

const createItems = (db: Kysely<unknown>) =>
  db.schema
    .createTable('item')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .execute();

const itemMigrations = { name: 'items', migrations: { '0001_create_item': { up: createItems } } };

const MIGRATES_FOR_A_MINUTE = `
  const { loadConfig } = await import('./dist/chassis/config/index.js');
  const { migrate, openDatabase } = await import('./dist/chassis/database/index.js');
  const { sql } = await import('kysely');
  const overrides = { APP_ENV: 'test', DATABASE_URL: process.argv[1] };
  const { query } = await openDatabase(await loadConfig({ env: {}, directory: '.', overrides }));
  const up = async (db) => {
    await sql\`create table item (id integer)\`.execute(db);
    await sql\`select pg_sleep(60)\`.execute(db);
  };
  await migrate(query, [{ name: 'items', migrations: { '0001_create_item': { up } } }]);
`;

/** An application with the database, started as the service starts it. */
async function startApp(
  config: Config,
  imports: DynamicModule[],
  providers: NonNullable<DynamicModule['providers']> = [],
) {
  @Module({})
  class ConfigModule {}
  const configModule: DynamicModule = {
    module: ConfigModule,
    global: true,
    imports: [HealthModule],
    providers: [{ provide: Config, useValue: config }, MetricsRegistry, Openings],
    exports: [Config, MetricsRegistry, Openings],
  };
  const builder = Test.createTestingModule({
    imports: [configModule, DatabaseModule, ...imports],
    providers,
  });
  const app = await builder.setLogger(new ConsoleLogger({ logLevels: [] })).compile();
  await app.init();
  return app;
}

describe.each(['postgres', 'embedded'] as const)('database (%s)', (kind) => {
  let overrides: Overrides;
  let database: Database<Tables>;

  beforeAll(async () => {
    overrides =
      kind === 'postgres'
        ? { DATABASE_URL: await createDatabase(inject('postgresUrl')) }
        : { DATA_DIR: 'memory://' };
    database = await openDatabase<Tables>(await configOf(overrides));
    await createItems(database.query as Kysely<unknown>);
  });
  afterAll(() => database.close());
  afterEach(async () => {
    await database.query.deleteFrom('item').execute();
  });

  it('says which kind it is and answers a ping', async () => {
    expect(database.kind).toBe(kind);
    await database.ping();
  });

  it('reads the same types from the same SQL', async () => {
    const row = await one(
      database,
      `select count(*) as "count", 9007199254740993::int8 as "beyond", array[1, 2]::int8[] as "longs",
        '2026-01-02T03:04:05.678Z'::timestamptz as "at", '{"a":[1]}'::jsonb as "json", 1.50::numeric as "numeric",
        0.5::float8 as "float", true as "yes", array['a', null] as "texts", null as "nothing",
        '6f9619ff-8b86-4011-b42d-00c04fc964ff'::uuid as "uuid", '\\x00ff'::bytea as "bytes", 'x'::text as "text"`,
    );
    expect(row).toEqual({
      count: 1,
      beyond: 9_007_199_254_740_993n,
      longs: [1, 2],
      at: new Date('2026-01-02T03:04:05.678Z'),
      json: { a: [1] },
      numeric: '1.50',
      float: 0.5,
      yes: true,
      texts: ['a', null],
      nothing: null,
      uuid: '6f9619ff-8b86-4011-b42d-00c04fc964ff',
      bytes: Buffer.from([0, 255]),
      text: 'x',
    });
  });

  it('writes the same parameters', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const { rows } =
      await sql`select ${at}::timestamptz as at, ${{ a: 1 }}::jsonb as json, ${['x', 'y']}::text[] as texts,
      ${9_007_199_254_740_993n}::int8 as beyond, ${true}::bool as yes, ${null}::text as nothing`.execute(
        database.query,
      );
    expect(rows).toEqual([
      { at, json: { a: 1 }, texts: ['x', 'y'], beyond: 9_007_199_254_740_993n, yes: true, nothing: null },
    ]);
  });

  it('leaves the errors of a statement as PostgreSQL names them', async () => {
    await database.query.insertInto('item').values({ id: 1, name: 'a' }).execute();
    const again = database.query.insertInto('item').values({ id: 1, name: 'b' }).execute();
    await expect(again).rejects.toMatchObject({ code: '23505', constraint: 'item_pkey' });
    await database.ping();
  });

  it('tells what a transaction met first where it is used further', async () => {
    const work = database.transaction(async (transaction) => {
      await sql`select 1 from nowhere`.execute(transaction).catch(() => undefined);
      await sql`select 1`.execute(transaction);
    });
    await expect(work).rejects.toMatchObject({ code: '25P02', cause: { code: '42P01' } });
  });

  it('counts what a statement changed', async () => {
    const result = await database.query
      .insertInto('item')
      .values([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ])
      .execute();
    expect(result[0]?.numInsertedOrUpdatedRows).toBe(2n);
  });

  it('commits a transaction that resolves and rolls back one that rejects', async () => {
    await database.transaction((transaction) =>
      transaction.insertInto('item').values({ id: 1, name: 'kept' }).execute(),
    );
    const failing = database.transaction(async (transaction) => {
      await transaction.insertInto('item').values({ id: 2, name: 'dropped' }).execute();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await database.query.selectFrom('item').select('name').execute()).toEqual([{ name: 'kept' }]);
  });

  it('shows a transaction to nobody before its commit', async () => {
    const inserted = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    const writing = database.transaction(async (transaction) => {
      await transaction.insertInto('item').values({ id: 1, name: 'a' }).execute();
      inserted.resolve();
      await mayCommit.promise;
    });
    await inserted.promise;
    const isCommitted = vi.fn<() => boolean>(() => false);
    const reading = one<{ count: number }>(database, 'select count(*) from item').then(({ count }) => {
      // One connection waits for the commit, several read the state before it: never the middle.
      expect(count).toBe(isCommitted() ? 1 : 0);
    });
    if (kind === 'postgres') await reading;
    isCommitted.mockReturnValue(true);
    mayCommit.resolve();
    await Promise.all([writing, reading]);
  });

  it('keeps transactions that run at once apart', async () => {
    await database.query.insertInto('item').values({ id: 1, name: '0' }).execute();
    const increment = () =>
      database.transaction(async (transaction) => {
        const query = transaction.selectFrom('item').select('name').where('id', '=', 1).forUpdate();
        const { name } = await query.executeTakeFirstOrThrow();
        await transaction
          .updateTable('item')
          .set({ name: String(Number(name) + 1) })
          .where('id', '=', 1)
          .execute();
      });
    await Promise.all(Array.from({ length: 8 }, increment));
    expect(await database.query.selectFrom('item').select('name').execute()).toEqual([{ name: '8' }]);
  });

  it('hears notifications until it unlistens', async () => {
    const heard: string[] = [];
    const unlisten = await database.listen('Odd "channel"', (payload) => heard.push(payload));
    const others: string[] = [];
    const unlistenOther = await database.listen('other', (payload) => others.push(payload));
    const notify = (channel: string, payload: string) =>
      sql`select pg_notify(${channel}, ${payload})`.execute(database.query);

    await notify('Odd "channel"', 'first');
    await notify('other', 'for the other');
    await vi.waitFor(() => expect([heard, others]).toEqual([['first'], ['for the other']]));
    await unlisten();
    await notify('Odd "channel"', 'second');
    await notify('other', 'last');
    await vi.waitFor(() => expect(others).toContain('last'));
    expect(heard).toEqual(['first']);
    await unlistenOther();
  });

  it('delivers messages outside of the call that subscribed', async () => {
    const call = newCall();
    const heard = Promise.withResolvers<unknown>();
    const unlisten = await runInCall(call, () =>
      database.listen('outside', () => heard.resolve(database.ping().then(() => 'pinged'))),
    );
    call.abort(deadlineExceeded());
    await sql`select pg_notify('outside', '')`.execute(database.query);
    expect(await heard.promise).toBe('pinged');
    await unlisten();
  });

  it('runs no query for a call that is over', async () => {
    const call = newCall();
    call.abort(deadlineExceeded());
    const insert = runInCall(call, () =>
      database.query.insertInto('item').values({ id: 1, name: 'late' }).execute(),
    );
    await expect(insert).rejects.toBe(call.abortReason);
    expect(await database.query.selectFrom('item').selectAll().execute()).toEqual([]);
  });

  it('rolls back a transaction whose call ends, and gives the connection back clean', async () => {
    const call = newCall();
    const reason = deadlineExceeded();
    const work = runInCall(call, () =>
      database.transaction(async (transaction) => {
        await transaction.insertInto('item').values({ id: 1, name: 'a' }).execute();
        call.abort(reason);
        await transaction.insertInto('item').values({ id: 2, name: 'b' }).execute();
      }),
    );
    await expect(work).rejects.toBe(reason);
    expect(await database.query.selectFrom('item').selectAll().execute()).toEqual([]);
  });

  it('stops waiting for a connection when the call ends, and leaves the pool whole', async () => {
    const small =
      kind === 'postgres'
        ? await openDatabase(await configOf({ ...overrides, DATABASE_POOL_MAX: 1 }))
        : database;
    const mayEnd = Promise.withResolvers<void>();
    const holding = small.transaction(() => mayEnd.promise);
    const call = newCall();
    const waiting = runInCall(call, () => small.ping());
    await delay(20);
    call.abort(deadlineExceeded());
    await expect(waiting).rejects.toBe(call.abortReason);
    mayEnd.resolve();
    await holding;
    await small.ping();
    if (small !== database) await small.close();
  });

  it('says UNAVAILABLE when no connection comes free in time', async () => {
    const impatient = { ...overrides, DATABASE_POOL_MAX: 1, DATABASE_CONNECT_TIMEOUT_MS: 100 };
    const small = await openDatabase(await configOf(impatient));
    const mayEnd = Promise.withResolvers<void>();
    const holding = small.transaction(() => mayEnd.promise);
    await expect(small.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'DATABASE_UNAVAILABLE',
      retryAfterMs: 1000,
    });
    mayEnd.resolve();
    await holding;
    await small.close();
  });
});

describe('database on a server', () => {
  let url: string;
  let database: Database<Tables>;

  beforeAll(async () => {
    url = await createDatabase(inject('postgresUrl'));
    database = await openDatabase<Tables>(
      await configOf({ DATABASE_URL: url, DATABASE_POOL_MAX: 2, SERVICE_NAME: 'under-test' }),
    );
    await createItems(database.query as Kysely<unknown>);
  });
  afterAll(() => database.close());

  const activity = () =>
    runOn(
      url,
      `select state, query from pg_stat_activity
       where datname = current_database() and application_name = 'under-test' order by state`,
    );
  const running = async (text: string) =>
    (await activity()).some((row) => row['state'] === 'active' && String(row['query']).includes(text));

  it('cancels the running query on the server when the call ends', async () => {
    const call = newCall();
    const query = runInCall(call, () => sql`select pg_sleep(30)`.execute(database.query));
    await vi.waitFor(async () => expect(await running('pg_sleep')).toBe(true));
    call.abort(deadlineExceeded());
    await expect(query).rejects.toBe(call.abortReason);
    expect(await running('pg_sleep')).toBe(false);
  });

  it('cancels with every connection in use', async () => {
    const call = newCall();
    const sleep = () => sql`select pg_sleep(30)`.execute(database.query);
    const queries = runInCall(call, () => [sleep(), sleep(), sleep()]);
    await vi.waitFor(async () =>
      expect((await activity()).filter((row) => row['state'] === 'active')).toHaveLength(2),
    );
    call.abort(deadlineExceeded());
    const results = await Promise.allSettled(queries);
    expect(
      results.map((result) => result.status === 'rejected' && result.reason === call.abortReason),
    ).toEqual([true, true, true]);
    expect(await running('pg_sleep')).toBe(false);
  });

  it('cancels a query right after its start', async () => {
    const call = newCall();
    const reason = deadlineExceeded();
    const query = runInCall(call, () =>
      database.query.connection().execute(async (db) => {
        await sql`select 1`.execute(db);
        const sleeping = sql`select pg_sleep(30)`.execute(db);
        queueMicrotask(() => queueMicrotask(() => call.abort(reason)));
        await sleeping;
      }),
    );
    await expect(query).rejects.toBe(reason);
    expect(await running('pg_sleep')).toBe(false);
  });

  it('rolls back a transaction whose query was cancelled; the connection is clean and kept', async () => {
    const call = newCall();
    const before = await one<{ pid: number }>(database, 'select pg_backend_pid() as pid');
    const work = runInCall(call, () =>
      database.transaction(async (transaction) => {
        await transaction.insertInto('item').values({ id: 7, name: 'a' }).execute();
        await sql`select pg_sleep(30)`.execute(transaction);
      }),
    );
    await vi.waitFor(async () => expect(await running('pg_sleep')).toBe(true));
    call.abort(deadlineExceeded());
    await expect(work).rejects.toBe(call.abortReason);
    expect(await database.query.selectFrom('item').selectAll().execute()).toEqual([]);
    const states = (await activity()).map((row) => row['state']);
    expect(states.every((state) => state === 'idle')).toBe(true);
    const after = await one<{ pid: number }>(database, 'select pg_backend_pid() as pid');
    expect(after).toEqual(before);
  });

  it('never cancels the next query of the connection', async () => {
    const single = await openDatabase(await configOf({ DATABASE_URL: url, DATABASE_POOL_MAX: 1 }));
    for (let round = 0; round < 150; round++) {
      const call = newCall();
      // Ends as the query does, a little before or after.
      const query = runInCall(call, () => sql`select pg_sleep(0.002)`.execute(single.query));
      const next = query.catch(() => undefined).then(() => sql`select pg_sleep(0.002)`.execute(single.query));
      setTimeout(() => call.abort(deadlineExceeded()), 1 + (round % 4));
      await expect(next).resolves.toBeDefined();
    }
    await single.close();
  });

  it('does not outlive a lost connection between two queries of a transaction', async () => {
    const work = database.transaction(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      await runOn(url, 'select pg_terminate_backend($1)', [rows[0]?.pid]);
      await delay(50);
      await sql`select 1`.execute(transaction);
    });
    await expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'DATABASE_UNAVAILABLE' });
    await database.ping();
  });

  it('says UNAVAILABLE when the server ends the connection under a query', async () => {
    const query = sql`select pg_sleep(30)`.execute(database.query);
    const outcome = expect(query).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'DATABASE_UNAVAILABLE',
    });
    await vi.waitFor(async () => expect(await running('pg_sleep')).toBe(true));
    await runOn(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(30)'`,
    );
    await outcome;
    await database.ping();
  });

  describe('gives up the connection of a server that has vanished', () => {
    let proxy: FreezingProxy;
    let single: Database<Tables>;

    beforeEach(async () => {
      const { hostname: host, port } = new URL(url);
      proxy = await FreezingProxy.start({ host, port: Number(port) });
      const proxied = new URL(url);
      proxied.host = `127.0.0.1:${proxy.port}`;
      single = await openDatabase(
        await configOf({ DATABASE_URL: proxied.href, DATABASE_POOL_MAX: 1, SERVICE_NAME: 'under-test' }),
      );
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    });
    afterEach(async () => {
      vi.useRealTimers();
      await proxy[Symbol.asyncDispose]();
      await single.close();
    });

    const select = (db: Kysely<Tables>) => db.selectFrom('item').selectAll().execute();
    /** The connection, and then nothing more is heard of it. */
    const frozen = (work: (db: Kysely<Tables>) => Promise<unknown>) =>
      single.query.connection().execute(async (db) => {
        await select(db);
        proxy.freeze();
        await work(db);
      });
    const newRun = () => {
      const run = new JobCall('request', 'job', new Date());
      run.expireAfter(10_000, deadlineExceeded);
      return run;
    };

    it.each([
      ['a query outside of calls', 40_000, () => frozen(select)],
      ['a query of a stream without a deadline', 40_000, () => runInCall(newCall(), () => frozen(select))],
      [
        'the commit of a call',
        15_000,
        () =>
          runInCall(newRun(), () =>
            single.transaction(async (db) => {
              await select(db);
              proxy.freeze();
            }),
          ),
      ],
    ])('under %s', async (_what, patienceMs, work) => {
      const outcome = work().then(
        () => 'answered',
        (error: unknown) => error,
      );
      // The query is under way.
      await delay(100);
      await vi.advanceTimersByTimeAsync(patienceMs);
      expect(await outcome).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) });
      await single.ping();
    });

    it('but not while a migration runs, which may take as long as it likes', async () => {
      const isSlow = {
        up: async (db: Kysely<unknown>) => void (await sql`select pg_sleep(0.3)`.execute(db)),
      };
      const migration = migrate(single.query, [{ name: 'slow', migrations: { '0001_slow': isSlow } }]);
      await vi.waitFor(async () => expect(await running('pg_sleep(0.3)')).toBe(true));
      await vi.advanceTimersByTimeAsync(3_600_000);
      await migration;
    });
  });

  it('is up again soon after a connection has died without a word, as its checks end with their time', async () => {
    const { hostname: host, port } = new URL(url);
    await using proxy = await FreezingProxy.start({ host, port: Number(port) });
    const proxied = new URL(url);
    proxied.host = `127.0.0.1:${proxy.port}`;
    const app = await startApp(await configOf({ DATABASE_URL: proxied.href, HEALTH_INTERVAL_MS: 20 }), []);
    const isUp = () => app.get(HealthService).checks.get('database');
    expect(isUp()).toBe(true);
    proxy.freeze();
    await vi.waitFor(() => expect(isUp()).toBe(false), 3000);
    // A time limit of 1 s that nobody heeds holds the next check up for ten more.
    await vi.waitFor(() => expect(isUp()).toBe(true), 8000);
    await app.close();
  });

  it('says ABORTED on a deadlock', async () => {
    await database.query
      .insertInto('item')
      .values([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ])
      .execute();
    const touch = (db: Kysely<Tables>, id: number) =>
      db.updateTable('item').set({ name: 'c' }).where('id', '=', id).execute();
    const bothHold = Promise.withResolvers<void>();
    let holding = 0;
    const cross = (first: number, second: number) =>
      database.transaction(async (transaction) => {
        await touch(transaction, first);
        if (++holding === 2) bothHold.resolve();
        await bothHold.promise;
        await touch(transaction, second);
      });
    const results = await Promise.allSettled([cross(1, 2), cross(2, 1)]);
    const failures = results.filter((result) => result.status === 'rejected');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toMatchObject({ code: 'ABORTED', reason: 'DATABASE_CONFLICT' });
  });

  it.each([
    ['statement_timeout', 'select pg_sleep(30)'],
    ['lock_timeout', 'lock table item'],
  ])('says DEADLINE_EXCEEDED where %s ends a statement', async (setting, statement) => {
    const mayEnd = Promise.withResolvers<void>();
    const holding = database.transaction(async (transaction) => {
      await sql`lock table item`.execute(transaction);
      await mayEnd.promise;
    });
    const late = database.transaction(async (transaction) => {
      await sql.raw(`set local ${setting} = 50`).execute(transaction);
      await sql.raw(statement).execute(transaction);
    });
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DATABASE_TIMEOUT' });
    mayEnd.resolve();
    await holding;
  });

  it('leaves what a statement with NOWAIT meets as PostgreSQL names it', async () => {
    await database.transaction(async (transaction) => {
      await sql`lock table item`.execute(transaction);
      const impatient = database.transaction((other) => sql`lock table item nowait`.execute(other));
      await expect(impatient).rejects.toMatchObject({ code: '55P03' });
    });
  });

  it.each(['08006', '25P04', '53100', '53200', '53300', '57P04', '57P05'])(
    'says UNAVAILABLE on SQLSTATE %s',
    async (state) => {
      const failing = sql.raw(`do $$ begin raise sqlstate '${state}'; end $$`).execute(database.query);
      await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'DATABASE_UNAVAILABLE' });
      await database.ping();
    },
  );

  it('says UNAVAILABLE where the server runs out of memory, and keeps the connection where it can', async () => {
    const pid = () => one<{ pid: number }>(single, 'select pg_backend_pid() as pid');
    const single = await openDatabase<Tables>(await configOf({ DATABASE_URL: url, DATABASE_POOL_MAX: 1 }));
    const before = await pid();
    // More locks than its shared memory holds.
    const locks = `do $$ begin for i in 1..200000 loop perform pg_advisory_xact_lock(1, i); end loop; end $$`;
    await expect(sql.raw(locks).execute(single.query)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'DATABASE_UNAVAILABLE',
      cause: { code: '53200' },
    });
    expect(await pid()).toEqual(before);
    await single.close();
  });

  it('gives up connections to a server that takes no changes any more, and writes on its successor', async () => {
    const own = await createDatabase(inject('postgresUrl'));
    const name = new URL(own).pathname.slice(1);
    await runOn(own, 'create table item (id integer primary key, name text not null)');
    await runOn(own, `alter database ${name} set default_transaction_read_only = on`);
    const demoted = await openDatabase<Tables>(await configOf({ DATABASE_URL: own }));
    const write = () => demoted.query.insertInto('item').values({ id: 1, name: 'a' }).execute();
    await expect(write()).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'DATABASE_UNAVAILABLE' });
    await runOn(inject('postgresUrl'), `alter database ${name} set default_transaction_read_only = off`);
    await write();
    await demoted.close();
  });

  it('says UNAVAILABLE when it may not connect any more', async () => {
    const role = `r${process.pid}`;
    const own = new URL(url);
    await runOn(url, `create role ${role} login`);
    own.username = role;
    const barred = await openDatabase(await configOf({ DATABASE_URL: own.href }));
    await runOn(url, `alter role ${role} nologin`);
    await runOn(url, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
    await vi.waitFor(() => expect(barred.connections).toMatchObject({ used: 0, idle: 0 }));
    await expect(barred.ping()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'DATABASE_UNAVAILABLE',
    });
    await barred.close();
    await runOn(url, `drop role ${role}`);
  });

  it('has the server find out within half a minute that this host has vanished, with its transactions', async () => {
    const { rows } = await sql<{ name: string; setting: string }>`
      select name, setting from pg_settings where name like 'tcp_keepalives%' order by name`.execute(
      database.query,
    );
    expect(rows.map(({ setting }) => Number(setting))).toEqual([3, 15, 5]);
  });

  it('bounds every statement a little above the longest deadline', async () => {
    const row = await one<{ statement_timeout: string }>(database, 'show statement_timeout');
    expect(row.statement_timeout).toBe('35s');
  });

  it('bounds those of longer work, such as the run of a job, a little above its own deadline', async () => {
    const boundMs = async () => {
      const setting = `select setting::int as ms from pg_settings where name = 'statement_timeout'`;
      return (await one<{ ms: number }>(database, setting)).ms;
    };
    const during = (run: JobCall, work: () => Promise<unknown>) =>
      runInCall(run, work).finally(() => run.close());
    const newRun = (timeoutMs: number) => {
      const run = new JobCall('request', 'job', new Date());
      run.expireAfter(timeoutMs, deadlineExceeded);
      return run;
    };
    await during(newRun(600_000), async () => {
      expect(await boundMs()).toBeGreaterThan(600_000);
      const fails = database.query.transaction().execute((db) => sql`select 1 / 0`.execute(db));
      await expect(fails).rejects.toThrow('division by zero');
      expect(await boundMs()).toBeGreaterThan(600_000);
    });
    expect(await boundMs()).toBe(35_000);
    await during(newRun(1000), async () => expect(await boundMs()).toBe(35_000));
    expect(await runInCall(newCall(), boundMs)).toBe(35_000);
  });

  it('tells listeners of a lost connection and listens again', async () => {
    const heard: string[] = [];
    const onLost = vi.fn<() => void>();
    const unlisten = await database.listen('resumed', (payload) => heard.push(payload), onLost);
    await runOn(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query = 'listen "resumed"'`,
    );
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledTimes(2));
    await runOn(url, `select pg_notify('resumed', 'back')`);
    await vi.waitFor(() => expect(heard).toEqual(['back']));
    await unlisten();
  });

  it('refuses to start without its server, naming the place and never the password', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    const opening = openDatabase(
      await configOf({ DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${port}/shop` }),
    );
    const error: Error = await opening.then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(`127.0.0.1:${port}, database "shop": connect ECONNREFUSED`);
    expect(error.message).toMatch('correct DATABASE_URL');
    expect(`${error.stack}${String(error.cause)}`).not.toMatch('hunter2');
  });
});

describe('migrations', () => {
  const apps: TestingModule[] = [];
  const start = async (...args: Parameters<typeof startApp>) => {
    const app = await startApp(...args);
    apps.push(app);
    return app;
  };
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  const freshConfig = async () => configOf({ DATABASE_URL: await createDatabase(inject('postgresUrl')) });

  it('are done before another module starts', async () => {
    @Injectable()
    class Reader implements OnModuleInit {
      found: unknown;
      readonly database: Database<Tables>;
      constructor(database: Database<Tables>) {
        this.database = database;
      }
      async onModuleInit() {
        this.found = await this.database.query.selectFrom('item').selectAll().execute();
      }
    }
    const reader = {
      provide: Reader,
      inject: [Database],
      useFactory: (db: Database<Tables>) => new Reader(db),
    };
    const app = await start(await freshConfig(), [DatabaseModule.forFeature(itemMigrations)], [reader]);
    expect(app.get(Reader).found).toEqual([]);
  });

  it('run once, however many processes start at once', async () => {
    const config = await freshConfig();
    const up = vi.fn<(db: Kysely<unknown>) => Promise<void>>(createItems);
    const feature = () =>
      DatabaseModule.forFeature({ name: 'items', migrations: { '0001_create_item': { up } } });
    await Promise.all([start(config, [feature()]), start(config, [feature()]), start(config, [feature()])]);
    await start(config, [feature()]);
    expect(up).toHaveBeenCalledTimes(1);
  });

  it('say that they wait for those of another process', async () => {
    const config = await freshConfig();
    const told = vi.spyOn(Logger.prototype, 'log');
    const waits = 'Another process runs migrations; the start waits for its end';
    const mayEnd = Promise.withResolvers<void>();
    const up = vi.fn<() => Promise<void>>(() => mayEnd.promise);
    const feature = DatabaseModule.forFeature({ name: 'slow', migrations: { '0001_slow': { up } } });
    const first = start(config, [feature]);
    await vi.waitFor(() => expect(up).toHaveBeenCalled());
    expect(told).not.toHaveBeenCalledWith(waits);
    const second = start(config, [feature]);
    await vi
      .waitFor(() => expect(told).toHaveBeenCalledWith(waits), { timeout: 10_000 })
      .finally(() => mayEnd.resolve());
    await Promise.all([first, second]);
    expect(up).toHaveBeenCalledTimes(1);
  });

  it('of a process that was killed amid them wait for nobody, and nothing of them stays', async () => {
    await buildOnce();
    const config = await freshConfig();
    const url = config.get('DATABASE_URL');
    const killed = spawn(process.execPath, ['--input-type=module', '-e', MIGRATES_FOR_A_MINUTE, url], {
      cwd: root,
      stdio: 'inherit',
    });
    const sleeping = `select 1 from pg_stat_activity where datname = current_database() and query = 'select pg_sleep(60)'`;
    await vi.waitFor(async () => expect(await runOn(url, sleeping)).toHaveLength(1), { timeout: 20_000 });
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    // The same table: it would be there already.
    await start(config, [DatabaseModule.forFeature(itemMigrations)]);
    expect(await runOn(url, sleeping)).toHaveLength(0);
  }, 45_000);

  it('let features come and go', async () => {
    const config = await freshConfig();
    const other = DatabaseModule.forFeature({
      name: 'another',
      migrations: { '0001_nothing': { up: async () => undefined } },
    });
    const items = DatabaseModule.forFeature(itemMigrations);
    for (const imports of [[items], [items, other], [other], [], [other, items]])
      await start(config, imports);
  });

  it('run once where the isolation of transactions is another one by default', async () => {
    const config = await freshConfig();
    const url = config.get('DATABASE_URL');
    const name = new URL(url).pathname.slice(1);
    await runOn(url, `alter database ${name} set default_transaction_isolation = 'repeatable read'`);
    const slow = async (db: Kysely<unknown>) => {
      await createItems(db);
      await delay(100);
    };
    const feature = () =>
      DatabaseModule.forFeature({ name: 'items', migrations: { '0001_create_item': { up: slow } } });
    await Promise.all([start(config, [feature()]), start(config, [feature()]), start(config, [feature()])]);
  });

  it('say why they cannot begin, where the role may make no table', async () => {
    const url = new URL((await freshConfig()).get('DATABASE_URL'));
    const role = url.pathname.slice(1);
    await runOn(url.href, `create role ${role} login`);
    await runOn(url.href, 'revoke create on schema public from public');
    url.username = role;
    const config = await configOf({ DATABASE_URL: url.href });
    await expect(start(config, [DatabaseModule.forFeature(itemMigrations)])).rejects.toThrow(
      'Migration items/* failed: permission denied for schema public.',
    );
    await runOn(inject('postgresUrl'), `drop role ${role}`);
  });

  it('let the previous version start after a newer one', async () => {
    const config = await freshConfig();
    const newer = { ...itemMigrations.migrations, '0002_more': { up: async () => undefined } };
    await start(config, [DatabaseModule.forFeature({ name: 'items', migrations: newer })]);
    await start(config, [DatabaseModule.forFeature(itemMigrations)]);
    await start(config, [DatabaseModule.forFeature({ name: 'items', migrations: newer })]);
  });

  it('fail the start with feature and name, and leave nothing behind', async () => {
    const config = await freshConfig();
    const broken = {
      up: async (db: Kysely<unknown>) => void (await sql`alter table nowhere add x int`.execute(db)),
    };
    const feature = { name: 'orders', migrations: { '0001_ok': { up: createItems }, '0002_broken': broken } };
    await expect(start(config, [DatabaseModule.forFeature(feature)])).rejects.toThrow(
      'Migration orders/0002_broken failed: relation "nowhere" does not exist.',
    );
    const tables = await runOn(
      config.get('DATABASE_URL'),
      `select 1 from pg_tables where tablename = 'item'`,
    );
    expect(tables).toEqual([]);
  });

  it("refuse the name of Kysely's own table", async () => {
    const feature = DatabaseModule.forFeature({
      name: 'lock',
      migrations: { '0001_ok': { up: createItems } },
    });
    await expect(start(await freshConfig(), [feature])).rejects.toThrow('the name "lock" is taken by Kysely');
  });

  it('refuse one name twice', async () => {
    const feature = () => DatabaseModule.forFeature({ name: 'items', migrations: {} });
    await expect(start(await freshConfig(), [feature(), feature()])).rejects.toThrow(
      'called twice with the name "items"',
    );
  });
});

describe('embedded data directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'database-spec-'));
  const config = await configOf({ DATA_DIR: join(directory, 'deep', 'data') });
  const dataDir = config.get('DATA_DIR');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** A process of its own that takes the lock, as a service does, and holds it. */
  async function holdInAnotherProcess() {
    await buildOnce();
    const lockFile = join(root, 'dist/chassis/database/directory-lock.js');
    const script = `const { lockDirectory } = await import(${JSON.stringify(lockFile)});
      globalThis.unlock = lockDirectory(${JSON.stringify(dataDir)}); console.log('locked'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    return holder;
  }

  it('names the directory whose lock cannot be taken', async () => {
    const taken = join(directory, 'taken');
    mkdirSync(join(taken, 'postgres.lock'), { recursive: true });
    await expect(openDatabase(await configOf({ DATA_DIR: taken }))).rejects.toThrow(
      `The data directory ${taken} cannot be written (postgres.lock: unable to open database file). Set DATA_DIR`,
    );
  });

  it('keeps the data, refuses a second user, and survives the death of the first', async () => {
    const first = await openDatabase<Tables>(config);
    await createItems(first.query as Kysely<unknown>);
    await first.query.insertInto('item').values({ id: 1, name: 'kept' }).execute();
    expect(readFileSync(join(dataDir, 'postgres.pid'), 'utf8')).toBe(`${process.pid}\n`);
    await expect(openDatabase(config)).rejects.toThrow(`${dataDir} is in use by process ${process.pid}`);
    await first.close();
    expect(existsSync(join(dataDir, 'postgres.pid'))).toBe(false);

    const holder = await holdInAnotherProcess();
    await expect(openDatabase(config)).rejects.toThrow(
      new RegExp(`in use by process ${holder.pid}\\. .* DATA_DIR, or set DATABASE_URL`),
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(readFileSync(join(dataDir, 'postgres.pid'), 'utf8')).toBe(`${holder.pid}\n`);

    const second = await openDatabase<Tables>(config);
    expect(await second.query.selectFrom('item').selectAll().execute()).toEqual([{ id: 1, name: 'kept' }]);
    await second.close();
    // Three starts of a database on disk.
  }, 60_000);
});
