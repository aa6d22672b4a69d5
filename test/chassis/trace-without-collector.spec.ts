import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually, ProbeModule, TestApp } from '../support/index.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const calls: { trace_id: string; trace_flags: string }[] = [];
let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { LOG_LEVEL: 'info' },
    logTo: {
      write: (text) => {
        const line = JSON.parse(text);
        if (line.msg === 'call') calls.push(line);
      },
    },
  });
});
afterAll(() => app.stop());
beforeEach(() => void (calls.length = 0));

test.each([
  ['REST', '01'],
  ['REST', '00'],
  ['gRPC', '01'],
  ['gRPC', '00'],
])(
  'a service that records nothing tells the next one by %s what its caller decided: %s',
  async (by, flags) => {
    const body =
      by === 'REST'
        ? { reason: 'fetch', domain: `${app.http.address}/probe/echo?` }
        : { reason: 'relay', domain: app.grpc.address, metadata: { next: 'echo' } };
    await app.http.post('/probe', body, { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-${flags}` });
    await eventually('both ends have a line', () => calls.length === 2);
    const expected = { trace_id: TRACE_ID, trace_flags: flags };
    expect(calls).toMatchObject([expected, expected]);
  },
);

test('a trace that begins there is not sampled', async () => {
  await app.http.post('/probe', { reason: 'relay', domain: app.grpc.address, metadata: { next: 'echo' } });
  await eventually('both ends have a line', () => calls.length === 2);
  expect(calls.map(({ trace_flags }) => trace_flags)).toEqual(['00', '00']);
});
