import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runTool } from '../support/build.js';
import { ForeignClient } from '../support/foreign-client.js';
import { holdTable } from '../support/hold-table.js';
import { TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { SERVICE_NAME } from '../support/service-name.js';

const ORDER = { customerId: 'foreign', currency: 'EUR', items: [{ sku: 's', quantity: 2, unitAmount: '5' }] };
const NOBODY = '01890000-0000-7000-8000-000000000000';
const SERVICE = 'orders.v1.OrderService';

let app: TestApp;
let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await createDatabase(inject('postgresUrl'));
  app = await TestApp.start({ config: { DATABASE_URL: databaseUrl } });
});
afterAll(() => app.stop());

describe("Python's grpcio, with messages from reflection v1alpha", () => {
  let python: ForeignClient;
  beforeAll(() => {
    python = new ForeignClient(app.grpc.address);
  });
  afterAll(() => python.close());

  const call = (name: string, ...requests: object[]) =>
    python.call({ method: `${SERVICE}/${name}`, requests, timeout: 10 });
  const create = async () => (await call('CreateOrder', ORDER)).messages[0]?.['order'] as { id: string };

  test('finds the service', async () => {
    expect(await python.services()).toEqual(expect.arrayContaining([SERVICE, 'grpc.health.v1.Health']));
    const health = await python.call({
      method: 'grpc.health.v1.Health/Check',
      requests: [{ service: SERVICE }],
    });
    expect(health.messages).toEqual([{ status: 'SERVING' }]);
  });

  test('creates, reads, lists and cancels an order', async () => {
    const order = await create();
    expect(order).toMatchObject({ ...ORDER, status: 'ORDER_STATUS_PENDING', totalAmount: '10', version: 1 });
    expect((await call('GetOrder', { id: order.id })).messages).toEqual([{ order }]);
    const listed = await call('ListOrders', { customerId: 'foreign', pageSize: 1 });
    expect(listed.messages).toMatchObject([{ orders: [order] }]);
    const cancelled = await call('CancelOrder', { id: order.id, expectedVersion: 1 });
    expect(cancelled.messages).toMatchObject([{ order: { status: 'ORDER_STATUS_CANCELLED', version: 2 } }]);
    expect((await app.http.get(`/v1/orders/${order.id}`)).body).toMatchObject({
      status: 'cancelled',
      version: 2,
    });
  });

  test('watches the changes that REST makes', async () => {
    const method = `${SERVICE}/WatchOrders`;
    const { opened, end } = python.open({
      method,
      requests: [{ customerId: 'watched' }],
      take: 2,
      timeout: 10,
    });
    await opened;
    const order = { ...ORDER, customerId: 'watched', items: [{ sku: 's', quantity: 1, unitAmount: 1 }] };
    const { body } = await app.http.post('/v1/orders', order);
    await app.http.post(`/v1/orders/${body.id}/cancel`);
    const { code, messages } = await end;
    expect(code).toBe('CANCELLED');
    expect(messages.at(-1)).toMatchObject({ order: { id: body.id, status: 'ORDER_STATUS_CANCELLED' } });
  });

  test('imports orders over a client stream', async () => {
    const requests = Array.from({ length: 25 }, () => ({ order: ORDER }));
    expect((await call('ImportOrders', ...requests)).messages).toEqual([{ importedCount: 25 }]);
  });

  test('syncs orders over a bidirectional stream, each command with its own outcome', async () => {
    const { code, messages } = await call(
      'SyncOrders',
      { correlationId: 'a', create: ORDER },
      { correlationId: 'b', cancel: { id: NOBODY } },
      { correlationId: 'c' },
    );
    expect(code).toBe('OK');
    expect(messages).toMatchObject([
      { correlationId: 'a', order: { customerId: 'foreign' } },
      { correlationId: 'b', error: { code: 5, details: [{ reason: 'ORDER_NOT_FOUND' }] } },
      { correlationId: 'c', error: { code: 3 } },
    ]);
  });

  test('reads why a call failed', async () => {
    expect(await call('GetOrder', { id: NOBODY })).toMatchObject({
      code: 'NOT_FOUND',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'ORDER_NOT_FOUND',
          domain: SERVICE_NAME,
          metadata: { id: NOBODY },
        },
      ],
    });
    expect(await call('CreateOrder', { ...ORDER, currency: 'euro' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: [
        { reason: 'VALIDATION_FAILED' },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'currency', description: expect.any(String) }],
        },
      ],
    });
  });

  test('ends at its deadline', async () => {
    const { id } = await create();
    await using _ = await holdTable(databaseUrl, 'orders');
    const late = await python.call({ method: `${SERVICE}/GetOrder`, requests: [{ id }], timeout: 0.3 });
    expect(late.code).toBe('DEADLINE_EXCEEDED');
  });

  test('gets its request id back', async () => {
    const metadata = { 'x-request-id': 'from-python' };
    const listed = await python.call({ method: `${SERVICE}/ListOrders`, metadata });
    expect(listed.metadata).toMatchObject(metadata);
  });
});

describe('buf curl, with messages from reflection v1', () => {
  const curl = (method: string, ...requests: object[]) => {
    const protocol = ['--protocol', 'grpc', '--http2-prior-knowledge', '--reflect-protocol', 'grpc-v1'];
    const data = requests.map((request) => JSON.stringify(request)).join('\n');
    const url = `http://${app.grpc.address}/${SERVICE}/${method}`;
    return runTool('buf', ['curl', ...protocol, '--data', data, url]);
  };

  test('creates an order', async () => {
    expect(JSON.parse(await curl('CreateOrder', ORDER))).toMatchObject({ order: { totalAmount: '10' } });
  });

  test('imports orders over a client stream', async () => {
    const output = await curl('ImportOrders', { order: ORDER }, { order: ORDER });
    expect(JSON.parse(output)).toEqual({ importedCount: 2 });
  });

  test('syncs orders over a bidirectional stream', async () => {
    const output = await curl('SyncOrders', { correlationId: 'a', create: ORDER }, { correlationId: 'b' });
    expect(output).toMatch(/"correlationId":\s*"a"[^]*"order"[^]*"correlationId":\s*"b"[^]*"error"/);
  });
});
