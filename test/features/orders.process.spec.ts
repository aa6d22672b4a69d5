import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { GRPC_CODES } from '#chassis/errors';
import { OrderServiceService as Orders } from '#generated/orders/v1/orders';
import { holdTable } from '../support/hold-table.js';
import { decodeFailure, eventually, failureOf } from '../support/index.js';
import { createDatabase, runOn } from '../support/postgres.js';
import { startProcess } from '../support/service-process.js';

const ORDER = { customerId: 'c', currency: 'EUR', items: [{ sku: 's', quantity: 2, unitAmount: 5 }] };

type Started = Awaited<ReturnType<typeof startProcess>>;

test('a restart keeps the orders of the embedded database', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'restart-'));
  const env = { DATA_DIR: directory };
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

/** The processes below come one after the other to this database, and find there what the earlier ones left. */
let url: string;
let order: { readonly id: string };
beforeAll(async () => {
  url = await createDatabase(inject('postgresUrl'));
});

/** How many queries hang. */
async function countWaiting(): Promise<number> {
  const [row] = await runOn(
    inject('postgresUrl'),
    `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = $1`,
    [new URL(url).pathname.slice(1)],
  );
  return Number(row?.['n']);
}

describe('two processes that start at once on one empty database', () => {
  let one: Started;
  let two: Started;
  beforeAll(async () => {
    one = await startProcess({ env: { DATABASE_URL: url } });
    two = await startProcess({ env: { DATABASE_URL: url } });
    await Promise.all([one.ready(), two.ready()]);
  });
  afterAll(() => Promise.all([one.stop('SIGKILL'), two.stop('SIGKILL')]));

  test('share their orders and changes', async () => {
    const watch = two.grpc.serverStream(Orders.watchOrders, { customerId: 'shared' });
    const changes = watch[Symbol.asyncIterator]();
    await new Promise((resolve) => watch.once('metadata', resolve));

    const { body: created } = await one.http.post('/v1/orders', { ...ORDER, customerId: 'shared' });
    expect((await two.http.get(`/v1/orders/${created.id}`)).body).toEqual(created);
    const { value } = await changes.next();
    expect(value).toMatchObject({ order: { id: created.id, version: 1 } });
    watch.on('error', () => undefined).cancel();
    order = created;
  });

  test('let unary calls in flight finish on SIGTERM, then exit 0', async () => {
    const { id } = order;
    await using lock = await holdTable(url, 'orders');
    const overRest = one.http.get(`/v1/orders/${id}`);
    const overGrpc = one.grpc.unary(Orders.getOrder, { id });
    await eventually('both calls wait in the database', async () => (await countWaiting()) === 2);
    one.signal('SIGTERM');
    await one.line('shutting down');
    await lock.release();
    expect((await overRest).body).toMatchObject({ id, totalAmount: 10 });
    expect((await overGrpc).order).toMatchObject({ id, totalAmount: 10 });
    expect(await one.exit).toBe(0);
  });

  test('end open streams on SIGTERM with UNAVAILABLE and the advice to come again', async () => {
    const watch = two.grpc.serverStream(Orders.watchOrders, {});
    const failure = new Promise((resolve) => watch.on('error', resolve));
    watch.resume();
    await new Promise((resolve) => watch.once('metadata', resolve));
    two.signal('SIGTERM');
    const { code, reason, retry } = decodeFailure((await failure) as Parameters<typeof decodeFailure>[0]);
    expect({ code, reason }).toEqual({ code: GRPC_CODES.UNAVAILABLE, reason: 'SHUTTING_DOWN' });
    expect(retry).toBeDefined();
    expect(await two.exit).toBe(0);
  });
});

describe('a process that comes after them', () => {
  let service: Started;
  beforeAll(async () => {
    service = await startProcess({ env: { DATABASE_URL: url } });
    await service.ready();
  });
  afterAll(() => service.stop('SIGKILL'));

  test('has their orders', async () => {
    const read = await service.http.get(`/v1/orders/${order.id}`);
    expect(read).toMatchObject({ status: 200, body: order });
  });

  test('answers a failure nobody foresaw with nothing of the inside, and the log has its stack', async () => {
    const { id } = order;
    await runOn(url, 'alter table orders rename to elsewhere');
    const rest = await service.http.get(`/v1/orders/${id}`, { 'x-request-id': 'of-rest' });
    expect(rest).toMatchObject({ status: 500, body: { code: 'INTERNAL', reason: 'INTERNAL' } });
    const grpc = await failureOf(
      service.grpc.unary(Orders.getOrder, { id }, { metadata: { 'x-request-id': 'of-grpc' } }),
    );
    expect(grpc).toMatchObject({ code: GRPC_CODES.INTERNAL, reason: 'INTERNAL' });
    await runOn(url, 'alter table elsewhere rename to orders');
    for (const answer of [JSON.stringify(rest.body), JSON.stringify(grpc)])
      expect(answer).not.toMatch(/relation|does not exist|select|\.js|42P01/);
    const linesOf = (requestId: string) =>
      service.lines.filter((line) => line['request_id'] === requestId && line['msg'] === 'call failed');
    for (const requestId of ['of-rest', 'of-grpc']) {
      await eventually('the log has it', () => linesOf(requestId).length > 0);
      expect(linesOf(requestId)).toMatchObject([
        {
          level: 'error',
          err: { stack: expect.stringMatching(/"orders" does not exist[^]*orders\.repository/) },
        },
      ]);
    }
  });

  test('is forced to end with exit code 1 when SIGTERM comes twice', async () => {
    await using _ = await holdTable(url, 'orders');
    const hanging = service.http.get(`/v1/orders/${order.id}`).catch(() => 'cut');
    await eventually('the call waits in the database', async () => (await countWaiting()) === 1);
    service.signal('SIGTERM');
    await service.line('shutting down');
    service.signal('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'shutdown forced' });
    expect(await hanging).toBe('cut');
  });
});
