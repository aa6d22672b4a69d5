import { afterAll, beforeAll, expect, test } from 'vitest';
import { SdkConsumer } from '../support/sdk-consumer.js';
import { TestApp } from '../support/index.js';

let app: TestApp;
let consumer: SdkConsumer;
beforeAll(async () => {
  app = await TestApp.start();
  consumer = await SdkConsumer.install();
}, 120_000);
afterAll(async () => {
  consumer[Symbol.dispose]();
  await app.stop();
});

test('every example of the README compiles and runs against the service', { timeout: 120_000 }, async () => {
  const examples = consumer.writeExamples();
  await consumer.compile();
  const outputs = await Promise.all(
    examples.map((example) => consumer.run(example, { http: app.service.http, grpc: app.service.grpc })),
  );
  expect(consumer.readme).toMatch(/^\| `grpc\.orderService\.watchOrders\(…\)` /m);
  expect(outputs).toContain('true 900n\n');
  expect(outputs).toContain('c-2 450n\n');
});
