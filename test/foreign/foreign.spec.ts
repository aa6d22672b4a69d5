import { afterAll, beforeAll, expect, test } from 'vitest';
import { runTool } from '../support/build.js';
import { ForeignClient } from '../support/foreign-client.js';
import { TestApp } from '../support/index.js';

let app: TestApp;
let python: ForeignClient;

beforeAll(async () => {
  app = await TestApp.start();
  python = new ForeignClient(app.grpc.address);
});
afterAll(async () => {
  python.close();
  await app.stop();
});

test('grpcio finds the health service through reflection v1alpha', async () => {
  expect(await python.services()).toContain('grpc.health.v1.Health');
});

test('grpcio checks the health of the server and of nobody', async () => {
  const method = 'grpc.health.v1.Health/Check';
  expect(await python.call({ method })).toMatchObject({ code: 'OK', messages: [{ status: 'SERVING' }] });
  const unknown = await python.call({ method, requests: [{ service: 'nobody' }] });
  expect(unknown.code).toBe('NOT_FOUND');
});

test('grpcio watches the health of the server turn as the shutdown begins', async () => {
  const other = await TestApp.start();
  const watcher = new ForeignClient(other.grpc.address);
  try {
    const { opened, end } = watcher.open({ method: 'grpc.health.v1.Health/Watch', timeout: 15 });
    await opened;
    await other.stop();
    const { code, messages } = await end;
    expect(messages).toEqual([{ status: 'SERVING' }, { status: 'NOT_SERVING' }]);
    expect(code).toBe('UNAVAILABLE');
  } finally {
    watcher.close();
  }
});

test('buf checks the health through reflection v1', async () => {
  const url = `http://${app.grpc.address}/grpc.health.v1.Health/Check`;
  const parameters = ['--protocol', 'grpc', '--http2-prior-knowledge', '--reflect-protocol', 'grpc-v1'];
  const output = await runTool('buf', ['curl', ...parameters, '--data', '{}', url]);
  expect(JSON.parse(output)).toEqual({ status: 'SERVING' });
});
