import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  OrderServiceService as Orders,
  OrderStatus,
  type CreateOrderRequest,
  type ImportOrdersRequest,
  type SyncOrdersResponse,
  type WatchOrdersResponse,
} from '#generated/orders/v1/orders';
import { eventually, failureOf, TestApp } from '../support/index.js';

const draft: CreateOrderRequest = {
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'pen', quantity: 2, unitAmount: 150 }],
};

describe.each(['embedded', 'postgres'])('orders over gRPC on %s', (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start(kind === 'embedded' ? { config: { DATA_DIR: 'memory://' } } : {});
  });
  afterAll(() => app.stop());

  const create = async (request: Partial<CreateOrderRequest> = {}) => {
    const { order } = await app.grpc.unary(Orders.createOrder, { ...draft, ...request });
    if (!order) throw new TypeError('The answer has no order');
    return order;
  };

  test('creates, reads and cancels an order that REST sees too', async () => {
    const created = await create();
    expect(created).toMatchObject({
      ...draft,
      status: OrderStatus.ORDER_STATUS_PENDING,
      totalAmount: 300,
      version: 1,
    });
    const { order: cancelled } = await app.grpc.unary(Orders.cancelOrder, {
      id: created.id,
      expectedVersion: 1,
    });
    expect(cancelled).toMatchObject({ status: OrderStatus.ORDER_STATUS_CANCELLED, version: 2 });
    expect((await app.grpc.unary(Orders.getOrder, { id: created.id })).order).toEqual(cancelled);
    expect((await app.http.get(`/v1/orders/${created.id}`)).body).toMatchObject({
      status: 'cancelled',
      version: 2,
    });
  });

  test('a request id makes a create safe to repeat, also across transports', async () => {
    const first = await create({ requestId: 'grpc-again' });
    expect((await create({ requestId: 'grpc-again' })).id).toBe(first.id);
    const rest = await app.http.post('/v1/orders', draft, { 'idempotency-key': 'grpc-again' });
    expect(rest.body.id).toBe(first.id);
    const reused = await failureOf(create({ requestId: 'grpc-again', currency: 'USD' }));
    expect(reused).toMatchObject({ code: 3, reason: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('tells faults apart', async () => {
    const { id } = await create();
    const missing = app.grpc.unary(Orders.getOrder, { id: '01a1fdf5-f5e7-70dc-b568-e5be378f4ac2' });
    expect(await failureOf(missing)).toMatchObject({ code: 5, reason: 'ORDER_NOT_FOUND' });
    const stale = app.grpc.unary(Orders.cancelOrder, { id, expectedVersion: 4 });
    expect(await failureOf(stale)).toMatchObject({
      code: 10,
      info: { metadata: { id, currentVersion: '1' } },
    });
    const invalid = await failureOf(create({ currency: 'eur', items: [] }));
    expect(invalid.violations.map(({ field }) => field)).toEqual(['currency', 'items']);
  });

  test('pages and filters', async () => {
    for (let index = 0; index < 3; index++) await create({ customerId: 'pages' });
    const filter = { customerId: 'pages', status: OrderStatus.ORDER_STATUS_PENDING, pageSize: 2 };
    const first = await app.grpc.unary(Orders.listOrders, filter);
    const second = await app.grpc.unary(Orders.listOrders, { ...filter, pageToken: first.nextPageToken });
    expect([first.orders.length, second.orders.length, second.nextPageToken]).toEqual([2, 1, undefined]);
    const cancelled = await app.grpc.unary(Orders.listOrders, {
      ...filter,
      status: OrderStatus.ORDER_STATUS_CANCELLED,
    });
    expect(cancelled.orders).toEqual([]);
  });

  test('an import creates every order of the stream', async () => {
    const orders = Array.from({ length: 250 }, (_, index): ImportOrdersRequest => ({
      order: { ...draft, customerId: 'import', requestId: `import-${index}` },
    }));
    expect(await app.grpc.clientStream(Orders.importOrders, orders)).toEqual({ importedCount: 250 });
    expect(await app.grpc.clientStream(Orders.importOrders, orders)).toEqual({ importedCount: 250 });
    const page = await app.grpc.unary(Orders.listOrders, { customerId: 'import', pageSize: 100 });
    expect(page.orders).toHaveLength(100);
  });

  test('an import that fails half-way keeps what came before and names the message', async () => {
    const requests = [{ order: { ...draft, customerId: 'half' } }, { order: undefined }];
    const failure = await failureOf(app.grpc.clientStream(Orders.importOrders, requests));
    expect(failure).toMatchObject({
      code: 3,
      violations: [{ field: '1.order', description: 'must be set' }],
    });
    const { orders } = await app.grpc.unary(Orders.listOrders, { customerId: 'half' });
    expect(orders).toHaveLength(1);
  });

  test('a sync answers each command, failed ones too, in their order', async () => {
    const { id } = await create();
    const call = app.grpc.bidi(Orders.syncOrders);
    const commands = [
      { $case: 'create', value: draft } as const,
      { $case: 'cancel', value: { id } } as const,
      { $case: 'cancel', value: { id, expectedVersion: 1 } } as const,
      { $case: 'create', value: { ...draft, currency: '' } } as const,
      undefined,
    ];
    commands.forEach((command, index) => call.write({ correlationId: String(index), command }));
    call.end();
    const answers: SyncOrdersResponse[] = [];
    for await (const answer of call) answers.push(answer as SyncOrdersResponse);
    expect(answers.map(({ correlationId }) => correlationId)).toEqual(['0', '1', '2', '3', '4']);
    expect(
      answers.map(({ outcome }) => (outcome?.$case === 'error' ? outcome.value.code : outcome?.$case)),
    ).toEqual(['order', 'order', 10, 3, 3]);
  });

  test('a watcher sees the changes of its customer, whoever makes them', async () => {
    const watch = await openWatch({ customerId: 'watched' });
    const { id } = await create({ customerId: 'watched' });
    await create({ customerId: 'somebody-else' });
    await eventually('the create is seen', () => watch.seen.length === 1);
    await app.http.post(`/v1/orders/${id}/cancel`);
    await eventually('the cancel is seen', () => watch.seen.length === 2);
    expect(watch.seen.map(({ order }) => [order?.id, order?.version])).toEqual([
      [id, 1],
      [id, 2],
    ]);
    watch.stream.cancel();
  });

  test('a hundred watchers see every order', async () => {
    const watches = await Promise.all(Array.from({ length: 100 }, () => openWatch({ customerId: 'crowd' })));
    for (let index = 0; index < 10; index++) await create({ customerId: 'crowd' });
    await eventually('everybody has seen all', () => watches.every(({ seen }) => seen.length === 10));
    for (const { stream } of watches) stream.cancel();
  });

  // The embedded one has no pool in which a read waits behind others.
  if (kind === 'postgres')
    test('a watcher keeps up with many who create at once', async () => {
      const watch = await openWatch({ customerId: 'rush' });
      const createSome = async () => {
        for (let count = 0; count < 8; count++) await create({ customerId: 'rush' });
      };
      await Promise.all(Array.from({ length: 30 }, createSome));
      expect(watch.seen.length).toBeGreaterThan(120);
      await eventually('all are seen', () => watch.seen.length === 240);
      watch.stream.cancel();
    });

  async function openWatch(request: { customerId?: string }) {
    const stream: ClientReadableStream<WatchOrdersResponse> = app.grpc.serverStream(
      Orders.watchOrders,
      request,
    );
    const seen: WatchOrdersResponse[] = [];
    stream.on('data', (change: WatchOrdersResponse) => seen.push(change)).on('error', () => {});
    await once(stream, 'metadata');
    return { stream, seen };
  }
});
