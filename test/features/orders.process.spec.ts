import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { GRPC_CODES } from '#chassis/errors';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';
import { holdTable } from '../support/hold-table.js';
import { decodeFailure, eventually, failureOf } from '../support/index.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';

const ORDER = { customerId: 'c', currency: 'EUR', items: [{ sku: 's', quantity: 2, unitAmount: 5 }] };

const newDatabase = () => createDatabase(inject('postgresUrl'));

describe('a restart', () => {
  test.each(['embedded', 'server'])('keeps the orders (%s)', async (kind) => {
    const directory = mkdtempSync(join(tmpdir(), 'restart-'));
    const env = kind === 'embedded' ? { DATA_DIR: directory } : { DATABASE_URL: await newDatabase() };
    try {
      await using before = await startProcess({ env });
      await before.ready();
      const created = await before.http.post('/v1/orders', ORDER);
      expect(created.status).toBe(201);
      expect(await before.stop()).toBe(0);

      await using after = await startProcess({ env });
      await after.ready();
      const read = await after.http.get(`/v1/orders/${created.body.id}`);
      expect(read).toMatchObject({ status: 200, body: created.body });
      expect(await after.stop()).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** A service with one order, and a way to make its queries hang. */
async function startWithOrder() {
  const url = await newDatabase();
  const service = await startProcess({ env: { DATABASE_URL: url } });
  await service.ready();
  const { body } = await service.http.post('/v1/orders', ORDER);
  const id = String(body.id);
  const waiting = async () => {
    const [row] = await runOn(
      inject('postgresUrl'),
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = $1`,
      [new URL(url).pathname.slice(1)],
    );
    return Number(row?.['n']);
  };
  return { service, url, id, waiting };
}

describe('SIGTERM', () => {
  test('lets unary calls in flight finish, then exits 0', async () => {
    const { service, url, id, waiting } = await startWithOrder();
    await using _ = service;
    await using lock = await holdTable(url, 'orders');
    const overRest = service.http.get(`/v1/orders/${id}`);
    const overGrpc = service.grpc.unary(Orders.getOrder, { id });
    await eventually('both calls wait in the database', async () => (await waiting()) === 2);
    service.signal('SIGTERM');
    await service.line('shutting down');
    await lock.release();
    expect((await overRest).body).toMatchObject({ id, totalAmount: 10 });
    expect((await overGrpc).order).toMatchObject({ id, totalAmount: 10 });
    expect(await service.exit).toBe(0);
  });

  test('ends open streams with UNAVAILABLE and the advice to come again', async () => {
    const { service } = await startWithOrder();
    await using _ = service;
    const watch = service.grpc.serverStream(Orders.watchOrders, {});
    const failure = new Promise((resolve) => watch.on('error', resolve));
    watch.resume();
    await new Promise((resolve) => watch.once('metadata', resolve));
    service.signal('SIGTERM');
    const { code, reason, retry } = decodeFailure((await failure) as Parameters<typeof decodeFailure>[0]);
    expect({ code, reason }).toEqual({ code: GRPC_CODES.UNAVAILABLE, reason: 'SHUTTING_DOWN' });
    expect(retry).toBeDefined();
    expect(await service.exit).toBe(0);
  });

  test('forces the end with exit code 1 when it comes twice', async () => {
    const { service, url, id, waiting } = await startWithOrder();
    await using _ = service;
    await using __ = await holdTable(url, 'orders');
    const hanging = service.http.get(`/v1/orders/${id}`).catch(() => 'cut');
    await eventually('the call waits in the database', async () => (await waiting()) === 1);
    service.signal('SIGTERM');
    await service.line('shutting down');
    service.signal('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'shutdown forced' });
    expect(await hanging).toBe('cut');
  });
});

test('two processes that start at once on one empty database share their orders and changes', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  await using one = await startProcess({ env });
  await using two = await startProcess({ env });
  await Promise.all([one.ready(), two.ready()]);
  const watch = two.grpc.serverStream(Orders.watchOrders, { customerId: 'shared' });
  const changes = watch[Symbol.asyncIterator]();
  await new Promise((resolve) => watch.once('metadata', resolve));

  const { body: created } = await one.http.post('/v1/orders', { ...ORDER, customerId: 'shared' });
  expect((await two.http.get(`/v1/orders/${created.id}`)).body).toEqual(created);
  const { value } = await changes.next();
  expect(value).toMatchObject({ order: { id: created.id, version: 1 } });
  watch.on('error', () => undefined).cancel();
  expect(await Promise.all([one.stop(), two.stop()])).toEqual([0, 0]);
});

describe('a failure nobody foresaw', () => {
  test('answers with nothing of the inside, and the log has its stack', async () => {
    const { service, url, id } = await startWithOrder();
    await using _ = service;
    await runOn(url, 'drop table orders cascade');
    const rest = await service.http.get(`/v1/orders/${id}`, { 'x-request-id': 'of-rest' });
    expect(rest).toMatchObject({ status: 500, body: { code: 'INTERNAL', reason: 'INTERNAL' } });
    const grpc = await failureOf(
      service.grpc.unary(Orders.getOrder, { id }, { metadata: { 'x-request-id': 'of-grpc' } }),
    );
    expect(grpc).toMatchObject({ code: GRPC_CODES.INTERNAL, reason: 'INTERNAL' });
    for (const answer of [JSON.stringify(rest.body), JSON.stringify(grpc)])
      expect(answer).not.toMatch(/relation|does not exist|select|\.js|42P01/);
    expect(await service.stop()).toBe(0);
    for (const requestId of ['of-rest', 'of-grpc']) {
      const lines = service.lines.filter(
        (line) => line['request_id'] === requestId && line['msg'] === 'call failed',
      );
      expect(lines).toMatchObject([
        {
          level: 'error',
          err: { stack: expect.stringMatching(/"orders" does not exist[^]*orders\.repository/) },
        },
      ]);
    }
  });
});
