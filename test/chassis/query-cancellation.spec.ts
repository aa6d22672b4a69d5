import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually, order, ProbeModule, Probes, SHAPES, TestApp } from '../support/index.js';
import { createDatabase, runOn } from '../support/postgres.js';

const RUNNING = `select count(*)::int as count from pg_stat_activity
  where datname = current_database() and state = 'active' and query = 'select pg_sleep(60)'`;

let url: string;
let app: TestApp;
beforeAll(async () => {
  url = await createDatabase(inject('postgresUrl'));
  app = await TestApp.start({ imports: [ProbeModule], config: { DATABASE_URL: url } });
});
afterAll(() => app.stop());

async function running(): Promise<number> {
  const [row] = await runOn(url, RUNNING);
  return Number(row?.['count']);
}

describe.each(SHAPES)('over $name', ({ call }) => {
  test('a deadline cancels the running query in PostgreSQL', async () => {
    const outcome = call(app, 'sleep', { timeoutMs: 1000 });
    await eventually('the query runs', async () => (await running()) === 1);
    expect(await outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await eventually('the query is cancelled', async () => (await running()) === 0);
  });

  test('a query that the database stops is DEADLINE_EXCEEDED, without a deadline of the client', async () => {
    const outcome = call(app, 'sleep');
    await eventually('the query runs', async () => (await running()) === 1);
    await runOn(
      url,
      `select pg_cancel_backend(pid) from (${RUNNING.replace('count(*)::int as count', 'pid')}) as them`,
    );
    expect(await outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'DATABASE_TIMEOUT' });
  });
});

test('a REST client that leaves cancels the running query in PostgreSQL', async () => {
  const client = new AbortController();
  const answer = app.http.send('/probe/sleep', { signal: client.signal });
  await eventually('the query runs', async () => (await running()) === 1);
  client.abort();
  await expect(answer).rejects.toThrow(/abort/i);
  await eventually('the query is cancelled', async () => (await running()) === 0);
});

test('gRPC clients that cancel cancel the running queries in PostgreSQL', async () => {
  const { unary } = Probes;
  const calls = [
    app.grpc.client.makeUnaryRequest(
      unary.path,
      unary.requestSerialize,
      unary.responseDeserialize,
      order('sleep'),
      () => {},
    ),
    app.grpc.serverStream(Probes.serverStream, order('sleep')).on('error', () => {}),
    app.grpc.bidi(Probes.bidi).on('error', () => {}),
  ] as const;
  calls[2].write(order('sleep'));
  await eventually('the queries run', async () => (await running()) === 3);
  for (const call of calls) call.cancel();
  await eventually('the queries are cancelled', async () => (await running()) === 0);
});

test('the connections are fit for use afterwards', async () => {
  const { status, body } = await app.management.get('/readyz');
  expect({ status, database: body.details.database.status }).toEqual({ status: 200, database: 'up' });
});
