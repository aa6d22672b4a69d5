import { Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServiceError } from '#chassis/errors';
import { eventually, order, ProbeModule, Probes, SHAPES, TestApp } from '../support/index.js';
import { frame, RawGrpcClient } from '../support/raw-grpc.js';
import { sendRaw } from '../support/raw-http.js';
import { Scrape } from '../support/scrape.js';

const HTTP = 'http_server_request_duration_seconds';
const RPC = 'rpc_server_call_duration_seconds';
const RECEIVED = 'rpc_server_messages_received_total';
const SENT = 'rpc_server_messages_sent_total';
const LIMIT_BYTES = 64 * 1024;

/** Refuses calls that bear `x-refuse`. */
@Injectable()
class RefusingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const isHttp = context.getType() === 'http';
    const header = isHttp
      ? context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-refuse']
      : context.switchToRpc().getContext<Metadata>().get('x-refuse')[0];
    if (header === undefined) return true;
    throw new ServiceError({ code: 'PERMISSION_DENIED', reason: 'TEST_REFUSED', message: 'Refused' });
  }
}

@Module({ providers: [{ provide: APP_GUARD, useClass: RefusingGuard }] })
class RefusingModule {}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [ProbeModule, RefusingModule],
    config: { MAX_BODY_BYTES: LIMIT_BYTES, MAX_MESSAGE_BYTES: LIMIT_BYTES },
  });
});
afterAll(() => app.stop());

/** What `work` added to samples; the server closes a call a moment after the client has its answer. */
async function expectAdded(
  work: () => Promise<unknown>,
  added: readonly (readonly [name: string, labels: Record<string, string>, count: number])[],
): Promise<void> {
  const before = await Scrape.of(app);
  await work();
  const difference = async () => {
    const after = await Scrape.of(app);
    return added.map(([name, labels]) => after.sum(name, labels) - before.sum(name, labels));
  };
  const expected = added.map(([, , count]) => count);
  await eventually(`${JSON.stringify(added)} added`, async () => {
    return JSON.stringify(await difference()) === JSON.stringify(expected);
  }).catch(async (error: unknown) => {
    expect(await difference(), String(error)).toEqual(expected);
  });
}

const METHODS: Record<string, { readonly method: string; readonly sent: number }> = {
  'gRPC unary': { method: 'Unary', sent: 1 },
  'gRPC client stream': { method: 'ClientStream', sent: 1 },
  'gRPC server stream': { method: 'ServerStream', sent: 3 },
  'gRPC bidirectional stream': { method: 'Bidi', sent: 1 },
};
const rest = (status: number, route = '/probe', method = 'POST') => ({
  http_request_method: method,
  http_route: route,
  http_response_status_code: String(status),
});
const rpc = (method: string, code: string, service = 'probe.v1.ProbeService') => ({
  rpc_service: service,
  rpc_method: method,
  rpc_grpc_status_code: code,
});

describe.each(SHAPES)('over $name', ({ name, isGrpc, call }) => {
  const { method = '' } = METHODS[name] ?? {};
  /** The call's own line in the scrape. */
  const outcome = (status: number, code: string, count = 1) =>
    isGrpc
      ? ([`${RPC}_count`, rpc(method, code), count] as const)
      : ([`${HTTP}_count`, rest(status), count] as const);

  test('calls are counted by how they ended', async () => {
    await expectAdded(async () => {
      await call(app, 'echo');
      await call(app, 'echo');
      await call(app, 'fail');
      await call(app, 'refuse');
    }, [outcome(200, 'OK', 2), outcome(500, 'INTERNAL'), outcome(400, 'FAILED_PRECONDITION')]);
  });

  test('a refusing guard is counted', async () => {
    await expectAdded(
      () => call(app, 'echo', { headers: { 'x-refuse': 'yes' } }),
      [outcome(403, 'PERMISSION_DENIED')],
    );
  });

  test('invalid input is counted', async () => {
    await expectAdded(() => call(app, 'NOT A WORD'), [outcome(400, 'INVALID_ARGUMENT')]);
  });

  test('a deadline is counted with the time that it took', async () => {
    const sum = isGrpc ? [`${RPC}_sum`, rpc(method, 'DEADLINE_EXCEEDED')] : [`${HTTP}_sum`, rest(504)];
    const [metric, labels] = sum as [string, Record<string, string>];
    const before = (await Scrape.of(app)).sum(metric, labels);
    await expectAdded(() => call(app, 'wait', { timeoutMs: 150 }), [outcome(504, 'DEADLINE_EXCEEDED')]);
    const seconds = (await Scrape.of(app)).sum(metric, labels) - before;
    expect(seconds).toBeGreaterThan(0.1);
    expect(seconds).toBeLessThan(3);
  });

  test('nothing stays active', async () => {
    await Promise.all(Array.from({ length: 20 }, () => call(app, 'echo')));
    const gauge = isGrpc ? 'rpc_server_active_calls' : 'http_server_active_requests';
    await eventually('no active call', async () => (await Scrape.of(app)).sum(gauge) === 0);
  });
});

test.each(SHAPES.filter(({ isGrpc }) => isGrpc))('$name tells its type', async ({ name, call }) => {
  await call(app, 'echo');
  const labels = { rpc_service: 'probe.v1.ProbeService', rpc_method: METHODS[name]?.method ?? '' };
  const types = (await Scrape.of(app)).find('rpc_server_method_info', labels);
  expect(types).toMatchObject([{ value: 1, labels: { rpc_type: /unary/.test(name) ? 'unary' : 'stream' } }]);
});

test.each(SHAPES.filter(({ isGrpc }) => isGrpc))(
  'messages over $name are counted in both directions',
  async ({ name, call }) => {
    const { method = '', sent = 0 } = METHODS[name] ?? {};
    const labels = { rpc_service: 'probe.v1.ProbeService', rpc_method: method };
    await expectAdded(
      () => call(app, 'echo'),
      [
        [RECEIVED, labels, 1],
        [SENT, labels, sent],
      ],
    );
  },
);

test('REST requests that never reach a handler are counted', async () => {
  const work = async () => {
    await app.http.get('/nowhere/at/all');
    await app.http.send('/probe', { method: 'PUT' });
    await app.http.send('/probe', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
    await app.http.post('/probe', { reason: 'x'.repeat(LIMIT_BYTES) });
    await app.http.send('/probe', {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    await app.http.get('/probe/echo', { 'x-request-timeout-ms': 'soon' });
    await app.http.get('/probe/%zz');
  };
  await expectAdded(work, [
    [`${HTTP}_count`, rest(404, '(unknown)', 'GET'), 1],
    [`${HTTP}_count`, rest(405, '(unknown)', 'PUT'), 1],
    [`${HTTP}_count`, rest(415), 1],
    [`${HTTP}_count`, rest(413), 1],
    [`${HTTP}_count`, rest(400), 1],
    [`${HTTP}_count`, rest(400, '/probe/:reason', 'GET'), 1],
    [`${HTTP}_count`, rest(400, '(unknown)', 'GET'), 1],
  ]);
});

test('gRPC calls that never reach a handler are counted', async () => {
  const raw = new RawGrpcClient(app.grpc.address);
  const good = frame(Probes.unary.requestSerialize(order('echo')));
  const work = async () => {
    await raw.call('/nobody.v1.Nobody/Unary', { body: good });
    await raw.call('/probe.v1.ProbeService/Nothing', { body: good });
    await raw.call(Probes.unary.path, { body: frame(Buffer.from([0x0f, 0x12, 0x34])) });
    await raw.call(Probes.unary.path, { body: frame(Buffer.alloc(2 * LIMIT_BYTES)) });
    await raw.call(Probes.unary.path, { body: good, headers: { 'grpc-timeout': 'soon' } });
    raw.close();
  };
  await expectAdded(work, [
    [`${RPC}_count`, rpc('(unknown)', 'UNIMPLEMENTED', '(unknown)'), 2],
    [`${RPC}_count`, rpc('Unary', 'INVALID_ARGUMENT'), 2],
    [`${RPC}_count`, rpc('Unary', 'RESOURCE_EXHAUSTED'), 1],
  ]);
});

test('clients that leave are counted as 499 and CANCELLED, and their calls stop being active', async () => {
  const body = JSON.stringify(order('wait'));
  const head = `POST /probe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  const stream = app.grpc.serverStream(Probes.serverStream, order('wait'));
  const ended = new Promise((resolve) => stream.on('error', resolve));
  await expectAdded(async () => {
    const leaving = sendRaw(app.http.address, `${head}\r\n\r\n${body}`, 300);
    await eventually('both are active', async () => {
      const scrape = await Scrape.of(app);
      return scrape.sum('http_server_active_requests') === 1 && scrape.sum('rpc_server_active_calls') === 1;
    });
    stream.cancel();
    await Promise.all([leaving, ended]);
  }, [
    [`${HTTP}_count`, rest(499), 1],
    [`${RPC}_count`, rpc('ServerStream', 'CANCELLED'), 1],
  ]);
  const scrape = await Scrape.of(app);
  expect([scrape.sum('http_server_active_requests'), scrape.sum('rpc_server_active_calls')]).toEqual([0, 0]);
});

test('the messages of a stream are counted while it is open, once', async () => {
  const labels = { rpc_service: 'probe.v1.ProbeService', rpc_method: 'Bidi' };
  const moved = async () => {
    const scrape = await Scrape.of(app);
    return [scrape.sum(RECEIVED, labels), scrape.sum(SENT, labels)] as const;
  };
  const [received, sent] = await moved();
  const call = app.grpc.bidi(Probes.bidi);
  const answers = call[Symbol.asyncIterator]();
  const seen = [];
  for (let count = 1; count <= 5; count++) {
    call.write(order('echo'));
    await answers.next();
    seen.push(await moved());
  }
  expect(seen).toEqual([1, 2, 3, 4, 5].map((count) => [received + count, sent + count]));
  call.write(order('echo'));
  await answers.next();
  call.end();
  await answers.next();
  await eventually('the call ends', async () => (await Scrape.of(app)).sum('rpc_server_active_calls') === 0);
  expect(await moved()).toEqual([received + 6, sent + 6]);
});

test('connections are counted by what they do', async () => {
  const count = async (state: string) => (await Scrape.of(app)).sum('http_server_connections', { state });
  await eventually('none is active', async () => (await count('active')) === 0);
  const waiting = app.http.post('/probe', order('wait'), { 'x-request-timeout-ms': '400' });
  await eventually('one is active', async () => (await count('active')) === 1);
  await waiting;
  await eventually('it is idle', async () => (await count('active')) === 0 && (await count('idle')) >= 1);
});

test('1,000 random paths, methods and rpcs make no series of their own', async () => {
  const raw = new RawGrpcClient(app.grpc.address);
  const call = async (index: number) => {
    const word = `${index}-${Math.random().toString(36).slice(2)}`;
    await app.http.send(`/${word}/x?y=${word}`, { method: index % 2 ? 'GET' : 'PROPFIND' });
    await sendRaw(app.http.address, `W${index} /${word} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await raw.call(`/${word}.v1.S/${word}`, { headers: { 'user-agent': word } });
  };
  await call(0);
  await call(1);
  await app.http.get('/probe/echo');
  await eventually('no active call', async () => (await Scrape.of(app)).sum('rpc_server_active_calls') === 0);
  const before = (await Scrape.of(app)).series;
  for (let index = 2; index < 1002; index += 10)
    await Promise.all(Array.from({ length: 10 }, (_, offset) => call(index + offset)));
  raw.close();
  const after = await Scrape.of(app);
  expect(
    [...after.series].filter((series) => !before.has(series) && !/^nodejs_|^http_client/.test(series)),
  ).toEqual([]);
  expect(after.sum(`${HTTP}_count`, { http_request_method: '_OTHER' })).toBeGreaterThanOrEqual(500);
});
