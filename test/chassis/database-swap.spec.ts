import { Module } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadConfig } from '#chassis/config';
import { Database, DatabaseModule, migrate, openDatabase } from '#chassis/database';
import { service } from '../../src/app.module.js';
import { changeConfig, eventually, freePort, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { Repeated } from '../support/repeated.js';
import { Scrape } from '../support/scrape.js';

/** The former connections are gone after this time at the latest, in milliseconds. */
const GONE_MS = 3000;
const ROUNDS = process.env['SOAK'] === undefined ? 1 : 20;
const NAME = 'swapped-service';

const things = {
  name: 'things',
  migrations: {
    '0001_create_things': {
      async up(db: Kysely<unknown>): Promise<void> {
        await sql`create table things (id int not null)`.execute(db);
      },
    },
  },
};

@Module({ imports: [ProbeModule, DatabaseModule.forFeature(things)] })
class SwappedModule {}

async function createMigrated(): Promise<string> {
  const url = await createDatabase(inject('postgresUrl'));
  const env = { APP_ENV: 'test', DATABASE_URL: url };
  const database = await openDatabase(await loadConfig({ env, directory: '/nowhere' }));
  await migrate(database.query, [things]);
  await database.close();
  return url;
}

/** Connections of the service to a database, as its server sees them. */
async function connectionsTo(url: string): Promise<number> {
  const statement = `select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name = $1`;
  const [row] = await runOn(url, statement, [NAME]);
  return Number(row?.['count']);
}

let urls: readonly [string, string];
let empty: string;
let app: TestApp;
let database: Database;
/** Transactions that were told to be committed. */
let written = 0;
const swaps = async (result: string) => (await Scrape.of(app)).sum('database_pool_swaps_total', { result });

beforeAll(async () => {
  urls = [await createMigrated(), await createMigrated()];
  empty = await createDatabase(inject('postgresUrl'));
  app = await TestApp.start({
    service: { module: SwappedModule, root: service.root },
    config: { SERVICE_NAME: NAME, DATABASE_URL: urls[0], DATABASE_POOL_MAX: 4 },
  });
  database = app.get(Database);
});
afterAll(() => app.stop());

/** Calls on both transports, and transactions that wait for a connection; `stop` gives what failed. */
function startLoad() {
  const write = async () => {
    await database.transaction(async (db) => {
      await sql`insert into things values (1)`.execute(db);
      await sql`select pg_sleep(0.02)`.execute(db);
    });
    written += 1;
  };
  const get = async () => expect(await app.http.get('/probe/select')).toMatchObject({ status: 200 });
  const ask = () => app.grpc.unary(Probes.unary, order('select'));
  const works = [get, get, ask, ask, ...Array.from({ length: 12 }, () => write)];
  const running = works.map((work) => new Repeated(work));
  return async () => {
    const failures = await Promise.all(running.map((each) => each.stop()));
    return { failures: failures.flat(), done: running.reduce((sum, { count }) => sum + count, 0) };
  };
}

describe('the database pool', () => {
  it(
    'is swapped under load, and stays where it is when the new one cannot be used',
    async () => {
      const wrong = new URL(urls[0]);
      wrong.port = String(await freePort());
      const stop = startLoad();
      let current = 0;
      const longestMs = { swap: 0, gone: 0 };
      try {
        for (let round = 0; round < 20 * ROUNDS; round++) {
          if (round % 4 === 3) {
            const refused = changeConfig(app.service.config, {
              DATABASE_URL: round % 8 === 3 ? wrong.href : empty,
            });
            await expect(refused).rejects.toThrow(
              round % 8 === 3 ? /Cannot use the PostgreSQL server/ : /lacks migrations: things\/0001/,
            );
            expect(app.service.config.get('DATABASE_URL')).toBe(urls[current]);
            continue;
          }
          const former = urls[current] as string;
          current = 1 - current;
          const begin = performance.now();
          await changeConfig(app.service.config, {
            DATABASE_URL: urls[current] as string,
            DATABASE_POOL_MAX: 3 + (round % 3),
          });
          longestMs.swap = Math.max(longestMs.swap, performance.now() - begin);
          await eventually(
            'the former connections are gone',
            async () => (await connectionsTo(former)) === 0,
            GONE_MS,
          );
          longestMs.gone = Math.max(longestMs.gone, performance.now() - begin);
        }
      } finally {
        // Whatever has failed: the calls must not go on for ever.
        await stop();
      }
      const { failures, done } = await stop();
      process.stdout.write(
        `${done} calls and transactions over ${15 * ROUNDS} swaps and ${5 * ROUNDS} refusals; longest ${JSON.stringify(longestMs)}\n`,
      );
      expect(failures).toEqual([]);
      expect(done).toBeGreaterThan(200);
      expect(await swaps('swapped')).toBe(15 * ROUNDS);
      expect(await swaps('refused')).toBe(5 * ROUNDS);
    },
    60_000 * ROUNDS,
  );

  it('lost nothing that was committed', async () => {
    const counts = await Promise.all(
      urls.map((url) => runOn(url, 'select count(*)::int as count from things')),
    );
    const found = counts.map(([row]) => Number(row?.['count']));
    expect(found.every((count) => count > 0)).toBe(true);
    expect(found.reduce((sum, count) => sum + count)).toBe(written);
  });

  it('takes its subscriptions along', async () => {
    await changeConfig(app.service.config, { DATABASE_URL: urls[0] });
    const heard: string[] = [];
    let losses = 0;
    await database.listen(
      'swaps',
      (payload) => heard.push(payload),
      () => (losses += 1),
    );
    await runOn(urls[0], `notify swaps, 'before'`);
    await eventually('the first is heard', () => heard.length === 1);
    await changeConfig(app.service.config, { DATABASE_URL: urls[1] });
    await eventually('listening is lost and resumed', () => losses === 2);
    await runOn(urls[1], `notify swaps, 'after'`);
    await eventually('the second is heard', () => heard.length === 2);
    expect(heard).toEqual(['before', 'after']);
    await eventually(
      'the former connections are gone',
      async () => (await connectionsTo(urls[0])) === 0,
      GONE_MS,
    );
  });

  it('does not become the embedded one while the service runs', async () => {
    await expect(changeConfig(app.service.config, { DATABASE_URL: '' })).rejects.toThrow(
      /Move the data and restart/,
    );
  });

  it('is dropped again when another part refuses the change', async () => {
    const before = await swaps('discarded');
    const end = app.service.config.prepareChange(['LOG_LEVEL'], () => {
      throw new Error('not now');
    });
    const changed = changeConfig(app.service.config, { DATABASE_URL: urls[0], LOG_LEVEL: 'fatal' });
    await expect(changed).rejects.toThrow('not now');
    end();
    expect(await swaps('discarded')).toBe(before + 1);
    await eventually('its connections are gone', async () => (await connectionsTo(urls[0])) === 0, GONE_MS);
  });
});
