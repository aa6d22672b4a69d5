import { Controller, Get, Module, Query } from '@nestjs/common';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { GrpcClients, type GrpcClient } from '#chassis/clients';
import { currentCall } from '#chassis/context';
import { Database, DatabaseModule } from '#chassis/database';
import { Rpc } from '#chassis/grpc';
import { service } from '../../src/app.module.js';
import { eventually, order, Probes, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { Order } from '../support/probe.js';

/** What a machine with others on it may add to the 50 ms that an idle one needs, in milliseconds. */
const BOUND_MS = 3000;
const Sleeps = { ...Probes.unary, path: '/chain.v1.SleepService/Sleep' };
const RUNNING = `select count(*)::int as count from pg_stat_activity
  where datname = current_database() and state = 'active' and query like 'select pg_sleep%'`;

/** What each hop saw of the deadline when it began, and when its work had stopped, in epoch milliseconds. */
let left: Record<string, number> = {};
let stopped: Record<string, number> = {};
/** Of the call at the edge, in epoch milliseconds. */
let deadline = Infinity;

async function hop<T>(name: string, work: () => Promise<T>): Promise<T> {
  left[name] = currentCall()?.remainingMs ?? Infinity;
  try {
    return await work();
  } finally {
    stopped[name] = Date.now();
  }
}

@Controller('chain')
class EdgeController {
  readonly #sleeper: GrpcClient;

  constructor(clients: GrpcClients) {
    this.#sleeper = clients.create({
      name: 'sleeper',
      target: sleeper.grpc.address,
      policy: { breaker: {} },
    });
  }

  @Get()
  sleep(@Query('seconds') seconds: string): Promise<Order> {
    deadline = currentCall()?.deadline ?? Infinity;
    return hop('REST', () => this.#sleeper.unary(Sleeps, { ...order('sleep'), domain: seconds }));
  }
}

@Controller()
class SleepController {
  constructor(private readonly database: Database) {}

  @Rpc(Sleeps, Order)
  sleep(given: Order): Promise<Order> {
    return hop('gRPC', async () => {
      await hop('database', () => sql`select pg_sleep(${Number(given.domain)})`.execute(this.database.query));
      return given;
    });
  }
}

@Module({ imports: [DatabaseModule], controllers: [SleepController] })
class SleeperModule {}

@Module({ controllers: [EdgeController] })
class EdgeModule {}

let sleeper: TestApp;
let edge: TestApp;
let observer: pg.Client;
beforeAll(async () => {
  const DATABASE_URL = await createDatabase(inject('postgresUrl'));
  sleeper = await TestApp.start({
    service: { module: SleeperModule, root: service.root },
    config: { DATABASE_URL },
  });
  edge = await TestApp.start({ service: { module: EdgeModule, root: service.root } });
  observer = new pg.Client({ connectionString: DATABASE_URL });
  await observer.connect();
  // Connections are there before anything is measured.
  expect((await edge.http.get('/chain?seconds=0')).status).toBe(200);
});
afterAll(async () => {
  await observer.end();
  await edge.stop();
  await sleeper.stop();
});
beforeEach(() => {
  left = {};
  stopped = {};
});

const isRunning = async () =>
  (await observer.query<{ count: number }>(RUNNING)).rows.some(({ count }) => count > 0);

/** Milliseconds from `sinceMs` until each hop had stopped, and PostgreSQL knew no such query any more. */
async function untilStopped(sinceMs: number): Promise<Record<string, number>> {
  await eventually('every hop has stopped', () => Object.keys(stopped).length === 3);
  await eventually('PostgreSQL has stopped', async () => !(await isRunning()));
  const after = { ...stopped, PostgreSQL: Date.now() };
  return Object.fromEntries(Object.entries(after).map(([name, at]) => [name, at - sinceMs]));
}

test('a deadline at the edge is seen by each hop, and ends all work', async () => {
  const answer = edge.http.get('/chain?seconds=5', { 'x-request-timeout-ms': '200' });
  await eventually('the query runs', isRunning);
  const late = await untilStopped(deadline);
  expect(await answer).toMatchObject({ status: 504, body: { reason: 'DEADLINE_EXCEEDED' } });
  process.stdout.write(
    `deadline 200 ms: left ${JSON.stringify(left)}, stopped ${JSON.stringify(late)} after\n`,
  );
  const [rest = 0, rpc = 0, database = 0] = [left['REST'], left['gRPC'], left['database']];
  expect(rest).toBeLessThanOrEqual(200);
  expect(rpc).toBeLessThanOrEqual(rest);
  expect(database).toBeLessThanOrEqual(rpc);
  expect(database).toBeGreaterThan(0);
  for (const ms of Object.values(late)) expect(ms).toBeLessThan(BOUND_MS);
});

test('a client that leaves ends all work', async () => {
  const client = new AbortController();
  const answer = edge.http.send('/chain?seconds=5', { signal: client.signal });
  await eventually('the query runs', isRunning);
  const leftAt = Date.now();
  client.abort();
  await expect(answer).rejects.toThrow(/abort/i);
  const late = await untilStopped(leftAt);
  process.stdout.write(`client left: stopped ${JSON.stringify(late)} after\n`);
  for (const ms of Object.values(late)) expect(ms).toBeLessThan(BOUND_MS);
});
