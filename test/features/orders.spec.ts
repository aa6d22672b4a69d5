import { afterAll, beforeAll, expect, test } from 'vitest';
import { OrderServiceService } from '#generated/orders/v1/orders';
import { TestApp } from '../support/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

test('what REST creates gRPC reads', async () => {
  const created = await app.http.post('/v1/orders', {
    customerId: 'c',
    currency: 'EUR',
    items: [{ sku: 's', quantity: 1, unitAmount: 5 }],
  });
  expect(created.status).toBe(201);
  const { order } = await app.grpc.unary(OrderServiceService.getOrder, { id: created.body.id });
  expect(order?.totalAmount).toBe(5);
});
