import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CallObservers } from '#chassis/context';
import type { ErrorInfo } from '#generated/google/rpc/error_details';
import { beginFault, endFaults, FaultyModule } from '../support/faulty.js';
import {
  eventually,
  order,
  Probes,
  ProbeService,
  SHAPES,
  TestApp,
  type Outcome,
  type Shape,
} from '../support/index.js';
import { RedisServer } from '../support/redis.js';
import { Scrape } from '../support/scrape.js';

/** Everything that is a call. */
const EVERYWHERE = { routes: ['*'], rpcs: ['*'] };
/** Waits that tests do not wait for. */
const FOREVER_MS = 600_000;

let redis: RedisServer;
let app: TestApp;
/** Codes and reasons of the calls that have ended. */
const ended: unknown[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
  app = await TestApp.start({
    imports: [FaultyModule],
    config: {
      REDIS_URL: redis.url,
      GRPC_STREAM_RESET_BURST: 30,
      GRPC_STREAM_RESET_RATE: 1,
    },
  });
  app.get(CallObservers).add({ closed: ({ code, error }) => void ended.push([code, error?.reason]) });
});
afterAll(async () => {
  await app.stop();
  await redis.stop();
});
afterEach(() => endFaults(app));

const injected = async (kind: string, target: string): Promise<number> =>
  (await Scrape.of(app)).sum('chaos_faults_injected_total', { kind, target });

async function timed<T>(work: Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const begin = performance.now();
  const result = await work;
  return { result, ms: performance.now() - begin };
}

/** A broken connection as the clients of each transport see it. */
const outcomeOf = ({ call, isGrpc }: Shape): Promise<Outcome | 'broken'> =>
  call(app, 'echo').then(
    (outcome) => (isGrpc && outcome.code === 'INTERNAL' && outcome.reason === undefined ? 'broken' : outcome),
    () => 'broken' as const,
  );

describe.each(SHAPES)('over $name', (shape) => {
  const target = shape.isGrpc ? 'grpc' : 'http';

  test('an abort answers with its code instead of the handler', async () => {
    const before = await injected('abort', target);
    await beginFault(app, { id: 'no', kind: 'abort', code: 'RESOURCE_EXHAUSTED', ...EVERYWHERE });
    const outcome = await shape.call(app, 'echo');
    expect(outcome).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'FAULT_INJECTED' });
    expect(outcome.message).toContain('"no"');
    expect(await injected('abort', target)).toBe(before + 1);
    await endFaults(app);
    expect(await shape.call(app, 'echo')).toHaveProperty('answers');
  });

  test('latency comes before the handler; several add up', async () => {
    await beginFault(app, { kind: 'latency', delayMs: 60, jitterMs: 10, ...EVERYWHERE });
    await beginFault(app, { kind: 'latency', delayMs: 60, ...EVERYWHERE });
    const { result, ms } = await timed(shape.call(app, 'echo'));
    expect(result).toHaveProperty('answers');
    // Timers of Node may fire up to a millisecond early.
    expect(ms).toBeGreaterThan(118);
  });

  test('latency ends with the deadline of the call', async () => {
    await beginFault(app, { kind: 'latency', delayMs: FOREVER_MS, ...EVERYWHERE });
    const outcome = await shape.call(app, 'echo', { timeoutMs: 50 });
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('a cut breaks the answer off', async () => {
    const before = await injected('cut', target);
    await beginFault(app, { kind: 'cut', ...EVERYWHERE });
    expect(await outcomeOf(shape)).toBe('broken');
    expect(await injected('cut', target)).toBe(before + 1);
    await endFaults(app);
    expect(await outcomeOf(shape)).toHaveProperty('answers');
  });

  test('a cut is what a call is told to have ended with, whatever its handler says to the end', async () => {
    await beginFault(app, { kind: 'cut', afterMs: 50, ...EVERYWHERE });
    ended.length = 0;
    await shape.call(app, 'wait').catch(() => undefined);
    await eventually('it has ended', () => ended.length > 0);
    expect(ended).toEqual([['UNAVAILABLE', 'FAULT_INJECTED']]);
  });

  test('a fault of other routes and rpcs leaves it alone', async () => {
    await beginFault(app, { kind: 'abort', code: 'INTERNAL', routes: ['/v9/*'], rpcs: ['none.v1.*'] });
    await beginFault(app, { kind: 'abort', code: 'INTERNAL', routes: ['*'], methods: ['PUT'] });
    expect(await shape.call(app, 'echo')).toHaveProperty('answers');
  });

  test('a fault for a header meets only calls that bear it', async () => {
    const header = { name: 'X-Chaos', value: 'on' };
    await beginFault(app, { kind: 'abort', code: 'INTERNAL', header, ...EVERYWHERE });
    expect(await shape.call(app, 'echo')).toHaveProperty('answers');
    expect(await shape.call(app, 'echo', { headers: { 'x-chaos': 'off' } })).toHaveProperty('answers');
    const marked = await shape.call(app, 'echo', { headers: { 'x-chaos': 'on' } });
    expect(marked.reason).toBe('FAULT_INJECTED');
  });
});

describe('a cut', () => {
  const messagesOf = async (stream: AsyncIterable<ErrorInfo>): Promise<number> => {
    let messages = 0;
    try {
      for await (const _ of stream) messages += 1;
    } catch (error) {
      expect((error as { code: number }).code).toBe(13);
      return messages;
    }
    throw new Error(`The stream ended well, after ${messages} messages`);
  };

  test('of a server stream lets so many messages through', async () => {
    await beginFault(app, { kind: 'cut', afterMessages: 20, rpcs: ['probe.v1.ProbeService/ServerStream'] });
    const finished = app.get(ProbeService).finished;
    expect(await messagesOf(app.grpc.serverStream(Probes.serverStream, order('endless')))).toBe(20);
    await eventually('the producer has stopped', () => app.get(ProbeService).finished === finished + 1);
  });

  test('of a stream with fewer messages does nothing', async () => {
    await beginFault(app, { kind: 'cut', afterMessages: 4, rpcs: ['*'] });
    const messages: ErrorInfo[] = [];
    for await (const message of app.grpc.serverStream(Probes.serverStream, order('echo')))
      messages.push(message);
    expect(messages).toHaveLength(3);
  });

  test('of a bidirectional stream counts the answers', async () => {
    await beginFault(app, { kind: 'cut', afterMessages: 2, rpcs: ['*'] });
    const call = app.grpc.bidi(Probes.bidi);
    for (let index = 0; index < 5; index++) call.write(order('echo'));
    expect(await messagesOf(call)).toBe(2);
  });

  test('of a client stream counts the requests', async () => {
    await beginFault(app, { kind: 'cut', afterMessages: 2, rpcs: ['*'] });
    const one = app.grpc.clientStream(Probes.clientStream, [order('one')]);
    await expect(one).resolves.toMatchObject({ reason: 'one' });
    const three = ['one', 'two', 'three'].map(order);
    await expect(app.grpc.clientStream(Probes.clientStream, three)).rejects.toMatchObject({ code: 13 });
  });

  test('after a time ends a stream that says nothing', async () => {
    await beginFault(app, { kind: 'cut', afterMs: 50, rpcs: ['*'] });
    const { result, ms } = await timed(messagesOf(app.grpc.serverStream(Probes.serverStream, order('wait'))));
    expect(result).toBe(0);
    expect(ms).toBeGreaterThan(48);
  });

  test('many on one connection do not end it: they are not the client’s resets', async () => {
    await beginFault(app, { kind: 'cut', rpcs: ['*'] });
    const burst = 60;
    const calls = Array.from({ length: burst }, () => app.grpc.unary(Probes.unary, order('echo')));
    const codes = await Promise.all(calls.map((call) => call.catch((error: { code: number }) => error.code)));
    expect(new Set(codes)).toEqual(new Set([13]));
    await endFaults(app);
    expect(await app.grpc.unary(Probes.unary, order('echo'))).toMatchObject({ reason: 'echo' });
    expect((await Scrape.of(app)).sum('grpc_server_refused_connections_total')).toBe(0);
  });

  /** Status and bytes that arrived before the connection broke. */
  const received = (path: string): Promise<{ status: number; bytes: number; isWhole: boolean }> =>
    new Promise((resolve, reject) => {
      get(app.http.url + path, { agent: false }, (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => (bytes += chunk.length));
        response.on('error', () => undefined);
        response.on('close', () =>
          resolve({ status: response.statusCode ?? 0, bytes, isWhole: response.complete }),
        );
      }).on('error', reject);
    });

  test('of a REST answer closes the connection in the middle of its body', async () => {
    await beginFault(app, { kind: 'cut', routes: ['/probe/:reason'] });
    const { status, bytes, isWhole } = await received('/probe/echo');
    const whole = JSON.stringify({ reason: 'echo', domain: '', metadata: {} }).length;
    expect({ status, bytes, isWhole }).toEqual({ status: 200, bytes: Math.ceil(whole / 2), isWhole: false });
  });

  test('of a REST answer in pieces lets so many of them through', async () => {
    await beginFault(app, { kind: 'cut', afterMessages: 2, routes: ['/faulty/pieces'] });
    expect(await received('/faulty/pieces')).toEqual({ status: 200, bytes: 2500, isWhole: false });
    await endFaults(app);
    expect(await received('/faulty/pieces')).toEqual({ status: 200, bytes: 5000, isWhole: true });
  });

  test('of a REST answer after a time ends a call that has none yet', async () => {
    await beginFault(app, { kind: 'cut', afterMs: 50, routes: ['*'] });
    await expect(received('/probe/wait')).rejects.toThrow('socket hang up');
  });
});

test('a client that leaves during the delay ends it, and the handler never runs', async () => {
  await beginFault(app, { kind: 'latency', delayMs: FOREVER_MS, ...EVERYWHERE });
  const { open } = app.get(CallObservers);
  const before = app.get(ProbeService).aborts.length;
  const request = get(`${app.http.url}/probe/wait`, { agent: false }).on('error', () => undefined);
  const stream = app.grpc.serverStream(Probes.serverStream, order('wait'));
  stream.on('error', () => undefined);
  await eventually('both wait', () => open.size === 2);
  request.destroy();
  stream.cancel();
  await eventually('both have ended', () => open.size === 0);
  expect(app.get(ProbeService).aborts).toHaveLength(before);
});

test('percentages hold', async () => {
  await beginFault(app, { kind: 'abort', code: 'ABORTED', percentage: 30, routes: ['/probe/*'] });
  let failed = 0;
  for (let index = 0; index < 400; index++)
    failed += Number((await app.http.get('/probe/echo')).status === 409);
  // 120 are expected; six standard deviations are 55.
  expect(failed).toBeGreaterThan(65);
  expect(failed).toBeLessThan(175);
});

describe('never touches', () => {
  test('health over HTTP and gRPC, reflection, the management port, or a path without a route', async () => {
    await beginFault(app, { kind: 'abort', code: 'INTERNAL', ...EVERYWHERE });
    await beginFault(app, { kind: 'unavailable', dependencies: ['*'] });
    for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/info'])
      expect([path, (await app.management.get(path)).status]).toEqual([path, 200]);
    expect((await app.http.get('/no/such/route')).body.reason).toBe('ROUTE_NOT_FOUND');
    const check = await foreign('/grpc.health.v1.Health/Check');
    expect(check.code).toBe(0);
    const list = await foreign('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
    expect(list.code).toBe(0);
  });

  /** An empty request to a service that is not ours. */
  const foreign = (path: string): Promise<{ code: number }> =>
    new Promise((resolve) => {
      const pass = (value: Buffer): Buffer => value;
      const call = app.grpc.client.makeBidiStreamRequest(path, pass, pass);
      call.on('status', resolve);
      call.on('error', () => undefined);
      call.resume();
      call.write(Buffer.alloc(0));
      call.end();
    });
});

describe('a dependency', () => {
  const query = () => app.http.get('/probe/select');
  const ping = () => app.http.get('/faulty/redis');

  test('that is unavailable fails as one that refuses connections', async () => {
    await beginFault(app, { id: 'away', kind: 'unavailable', dependencies: ['database', 'redis'] });
    expect((await query()).body).toMatchObject({ status: 503, reason: 'DATABASE_UNAVAILABLE' });
    const grpc = await SHAPES[1]?.call(app, 'select');
    expect(grpc).toMatchObject({ code: 'UNAVAILABLE', reason: 'DATABASE_UNAVAILABLE' });
    expect((await ping()).status).toBe(500);
    expect(await injected('unavailable', 'redis')).toBe(1);
    expect((await Scrape.of(app)).sum('redis_client_commands_total', { result: 'unavailable' })).toBe(1);
    await endFaults(app);
    expect([(await query()).status, (await ping()).body]).toEqual([200, { answer: 'here' }]);
  });

  test('that is slow holds up the work, within its limit', async () => {
    await beginFault(app, { kind: 'latency', delayMs: 60, dependencies: ['database'] });
    const { result, ms } = await timed(query());
    expect(result.status).toBe(200);
    expect(ms).toBeGreaterThan(59);
    await endFaults(app);
    await beginFault(app, { kind: 'latency', delayMs: FOREVER_MS, dependencies: ['*'] });
    const late = await app.http.get('/probe/select', { 'x-request-timeout-ms': '50' });
    expect(late.body.reason).toBe('DEADLINE_EXCEEDED');
    // REDIS_COMMAND_TIMEOUT_MS ends it; the connection is not given up for it.
    for (let index = 0; index < 4; index++) expect((await ping()).status).toBe(500);
    await endFaults(app);
    expect((await ping()).status).toBe(200);
  });

  test('that answers with an error gives its code', async () => {
    await beginFault(app, { kind: 'abort', code: 'INTERNAL', dependencies: ['database'] });
    expect((await query()).body).toMatchObject({ status: 500, reason: 'FAULT_INJECTED' });
  });

  test('fails only for the calls that a fault names', async () => {
    const header = { name: 'x-chaos' };
    await beginFault(app, { kind: 'unavailable', dependencies: ['database'], rpcs: ['*'] });
    await beginFault(app, { kind: 'unavailable', dependencies: ['redis'], header });
    expect((await query()).status).toBe(200);
    expect(await SHAPES[1]?.call(app, 'select')).toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
    expect((await ping()).status).toBe(200);
    expect((await app.http.get('/faulty/redis', { 'x-chaos': '1' })).status).toBe(500);
  });

  test('that fails within a transaction has it rolled back, and keeps its connection', async () => {
    const transact = () => app.http.get('/faulty/transaction');
    const before = (await transact()).body.connection;
    // The embedded database has one connection; a real failure of it would open another one.
    await beginFault(app, { kind: 'unavailable', percentage: 50, dependencies: ['database'] });
    const statuses = new Set<number>();
    await eventually('one fails', async () => statuses.add((await transact()).status).has(503));
    await endFaults(app);
    expect((await transact()).body).toEqual({ connection: before });
  });
});

test('without a fault nobody is asked', async () => {
  const { interference } = app.get(CallObservers);
  const { ofCall, ofDependency } = interference;
  expect([ofCall, ofDependency]).toEqual([undefined, undefined]);
  await beginFault(app, { kind: 'latency', delayMs: 1, routes: ['/probe'] });
  expect(interference.ofCall).toBeDefined();
  expect(interference.ofDependency).toBeUndefined();
});
