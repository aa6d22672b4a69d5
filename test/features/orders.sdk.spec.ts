import { afterAll, beforeAll, expect, test } from 'vitest';
import { SdkConsumer } from '../support/sdk-consumer.js';
import { TestApp } from '../support/index.js';

let app: TestApp;
let consumer: SdkConsumer;
beforeAll(async () => {
  app = await TestApp.start();
  consumer = await SdkConsumer.install();
}, 300_000);
afterAll(async () => {
  consumer[Symbol.dispose]();
  await app.stop();
});

test('every example of the README compiles and runs against the service', { timeout: 300_000 }, async () => {
  const examples = consumer.writeExamples();
  await consumer.compile();
  const addresses = { http: app.service.http, grpc: app.service.grpc };
  const outputs: string[] = [];
  for (const example of examples) outputs.push(await consumer.run(example, addresses));
  expect(consumer.readme).toMatch(/^\| `grpc\.orderService\.watchOrders\(…\)` /m);
  expect(outputs).toContain('true 900n\n');
  expect(outputs).toContain('c-2 450n\n');
});
