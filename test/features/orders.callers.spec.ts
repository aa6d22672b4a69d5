import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderServiceService as Orders, type CreateOrderRequest } from '#generated/orders/v1/orders';
import { failureOf, TestApp, TokenIssuer } from '../support/index.js';

const draft: CreateOrderRequest = {
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'pen', quantity: 2, unitAmount: 150 }],
};

let issuer: TokenIssuer;
let app: TestApp;
beforeAll(async () => {
  issuer = await TokenIssuer.start();
  app = await TestApp.start({ config: issuer.config });
});
afterAll(async () => {
  await app.stop();
  await issuer.stop();
});

const as = (sub: string) => issuer.bearer({ sub, scope: 'orders:read orders:write' });

const overRest = async (caller: string, key: string, body: object = draft) => {
  const headers = { ...as(caller), 'idempotency-key': key };
  const answer = await app.http.post('/v1/orders', body, headers);
  return {
    status: answer.status,
    id: answer.body.id as string,
    isReplay: answer.headers.has('idempotency-replayed'),
  };
};

const overGrpc = async (caller: string, requestId: string, more: Partial<CreateOrderRequest> = {}) => {
  const request = { ...draft, ...more, requestId };
  return (await app.grpc.unary(Orders.createOrder, request, { metadata: as(caller) })).order?.id;
};

describe("an idempotency key is its caller's own", () => {
  test('over REST', async () => {
    const hers = await overRest('alice', 'rest');
    const his = await overRest('bob', 'rest');
    expect(his).toMatchObject({ status: 201, isReplay: false });
    expect(his.id).not.toBe(hers.id);
    expect(await overRest('alice', 'rest')).toEqual({ ...hers, isReplay: true });
    expect(await overRest('carol', 'rest', { ...draft, currency: 'USD' })).toMatchObject({ status: 201 });
    expect(await overRest('bob', 'rest', { ...draft, currency: 'USD' })).toMatchObject({ status: 422 });
  });

  test('over gRPC, and the same one on both transports', async () => {
    const hers = await overGrpc('alice', 'grpc');
    const his = await overGrpc('bob', 'grpc');
    expect(his).not.toBe(hers);
    expect(await overGrpc('alice', 'grpc')).toBe(hers);
    expect(await overRest('bob', 'grpc')).toMatchObject({ id: his, isReplay: true });
    expect(await overGrpc('carol', 'grpc', { currency: 'USD' })).toBeDefined();
    const reused = await failureOf(overGrpc('bob', 'grpc', { currency: 'USD' }));
    expect(reused).toMatchObject({ reason: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('in a stream', async () => {
    const orders = [{ order: { ...draft, customerId: 'import', requestId: 'import' } }];
    for (const caller of ['alice', 'bob', 'alice'])
      await app.grpc.clientStream(Orders.importOrders, orders, { metadata: as(caller) });
    const page = await app.grpc.unary(Orders.listOrders, { customerId: 'import' }, { metadata: as('alice') });
    expect(page.orders).toHaveLength(2);
  });
});
