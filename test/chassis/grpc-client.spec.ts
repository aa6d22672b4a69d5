import { Controller, Module } from '@nestjs/common';
import { context, propagation } from '@opentelemetry/api';
import dns from 'node:dns/promises';
import { createReadStream } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { GrpcClients, UpstreamError, type GrpcClient, type NamedGrpcClientOptions } from '#chassis/clients';
import { currentCall, HttpCall, runInCall } from '#chassis/context';
import { deadlineExceeded, ServiceError, type Code } from '#chassis/errors';
import { Rpc } from '#chassis/grpc';
import { createPolicy } from '#chassis/resilience';
import { service } from '../../src/app.module.js';
import { TestAuthority } from '../support/certificates.js';
import { FreezingProxy } from '../support/freezing-proxy.js';
import { eventually, freePort, order, Probes, TestApp } from '../support/index.js';
import { Order } from '../support/probe.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';

const at = (name: string) => `/upstream.v1.UpstreamService/${name}`;
const Rpcs = {
  unary: { ...Probes.unary, path: at('Unary') },
  serverStream: { ...Probes.serverStream, path: at('ServerStream') },
  clientStream: { ...Probes.clientStream, path: at('ClientStream') },
  bidi: { ...Probes.bidi, path: at('Bidi') },
};

/** What the other service does next, and how often it was asked. */
let answer: (order: Order) => Promise<Order> | Order;
let asked = 0;
let aborted = 0;

@Controller()
class UpstreamController {
  @Rpc(Rpcs.unary, Order)
  async unary(order: Order): Promise<Order> {
    asked += 1;
    return answer(order);
  }

  @Rpc(Rpcs.serverStream, Order)
  async *serverStream(order: Order): AsyncGenerator<Order> {
    asked += 1;
    yield await answer(order);
    yield await answer(order);
  }

  @Rpc(Rpcs.clientStream, Order)
  async clientStream(orders: AsyncIterable<Order>): Promise<Order> {
    asked += 1;
    let last: Order = { reason: 'none', domain: '', metadata: {} };
    for await (last of orders) if (last.reason === 'enough') break;
    return answer(last);
  }

  @Rpc(Rpcs.bidi, Order)
  async *bidi(orders: AsyncIterable<Order>): AsyncGenerator<Order> {
    asked += 1;
    for await (const order of orders) yield answer(order);
  }
}

@Module({ controllers: [UpstreamController] })
class UpstreamModule {}

const upstreamService = { module: UpstreamModule, root: service.root };
let app: TestApp;
let names = 0;
beforeAll(async () => {
  app = await TestApp.start({ service: upstreamService });
});
afterAll(() => app.stop());
afterEach(() => {
  answer = (order) => order;
  asked = 0;
  aborted = 0;
});
answer = (order) => order;

/** A client of a name of its own. */
function clientWith(options: Partial<NamedGrpcClientOptions> = {}): GrpcClient {
  return app.get(GrpcClients).create({ name: `upstream-${++names}`, target: app.grpc.address, ...options });
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
const refuse =
  (code: Code, retryAfterMs?: number, message = 'no') =>
  () => {
    throw new ServiceError({
      code,
      reason: 'REFUSED',
      message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  };
async function* messages(...reasons: string[]) {
  for (const reason of reasons) yield order(reason);
}
/** Every shape of call: what it ends with. */
const SHAPES = [
  { name: 'unary', call: (client: GrpcClient) => client.unary(Rpcs.unary, order('echo')) },
  {
    name: 'server streaming',
    call: (client: GrpcClient) => last(client.serverStream(Rpcs.serverStream, order('echo'))),
  },
  {
    name: 'client streaming',
    call: (client: GrpcClient) => client.clientStream(Rpcs.clientStream, messages('echo')),
  },
  { name: 'bidirectional', call: (client: GrpcClient) => last(client.bidi(Rpcs.bidi, messages('echo'))) },
];
async function last<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  let value: T | undefined;
  for await (value of stream);
  return value;
}

test.each([
  ['target', '', 'host:port, or a name such as dns:///host:port'],
  ['target', 'https://bank.example:443', 'host:port, or a name such as dns:///host:port'],
  ['timeoutMs', Number.NaN, 'a function, or at least 1'],
  ['connections', 0, 'a whole number from 1 on'],
  ['keepAliveMs', 0, 'a whole number from 1 on'],
  ['maxAnswerBytes', -1, 'a whole number from 1 on'],
])('the option %s may not be %o', (option, value, allowed) => {
  const message = `Client "upstream-${names + 1}": ${option} must be ${allowed}`;
  expect(() => clientWith({ [option]: value })).toThrow(new TypeError(message));
});

test('a request that cannot be encoded is no failure of who answers', async () => {
  const breaker = { strategy: 'error-count', threshold: 2, minRequestAmount: 2 } as const;
  const client = clientWith({ policy: { breaker } });
  const nothing = null as never;
  for (let time = 0; time < 3; time++) {
    expect(await failureOf(client.unary(Rpcs.unary, nothing))).toBeInstanceOf(TypeError);
    expect(await failureOf(last(client.serverStream(Rpcs.serverStream, nothing)))).toBeInstanceOf(TypeError);
  }
  expect(await client.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
});

describe.each(SHAPES)('$name', ({ name, call }) => {
  test('answers', async () => {
    expect(await call(clientWith({ policy: { breaker: {}, bulkhead: {}, timeoutMs: 5000 } }))).toMatchObject({
      reason: 'echo',
    });
  });

  test('a refusal has its canonical code, and when to come again', async () => {
    answer = refuse('RESOURCE_EXHAUSTED', 1500);
    const refusal = await failureOf(call(clientWith()));
    expect(refusal).toBeInstanceOf(UpstreamError);
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1500 });
  });

  test('what cannot be reached, and what has no name', async () => {
    const refused = clientWith({ target: `127.0.0.1:${await freePort()}` });
    expect(await failureOf(call(refused))).toMatchObject(unavailable('refused'));
    const unknown = clientWith({ target: 'dns:///nobody.certificates.invalid:50051' });
    expect(await failureOf(call(unknown))).toMatchObject(unavailable('dns'));
  });

  test.each(['The certificates are being renewed', 'The shop is closed'])(
    'a server that is not available is no fault of the connection, whatever it says: %s',
    async (message) => {
      answer = refuse('UNAVAILABLE', undefined, message);
      const failure = await failureOf(call(clientWith()));
      expect(failure).toMatchObject({ code: 'UNAVAILABLE', reason: 'UPSTREAM_UNAVAILABLE' });
      expect((failure as ServiceError).metadata).not.toHaveProperty('fault');
    },
  );

  test('ends with the call that it is made in', async () => {
    const outer = new HttpCall('request-1', 'GET', '/');
    const reason = new Error('the client left');
    answer = untilAborted;
    const failed = failureOf(runInCall(outer, () => call(clientWith({ policy: { timeoutMs: 5000 } }))));
    await eventually('the other service works', () => asked === 1);
    outer.abort(reason);
    expect(await failed).toBe(reason);
    await eventually('the other service knows', () => aborted === 1);
  });

  test('bears request id, deadline and baggage', async () => {
    const outer = new HttpCall('request-2', 'GET', '/');
    outer.expireAfter(5000, () => new Error('late'));
    let seen: object = {};
    answer = (order) => {
      const call = currentCall();
      const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      seen = { requestId: call?.requestId, leftMs: call?.remainingMs, tenant };
      return order;
    };
    await runInCall(outer, () => withBaggage('acme', () => call(clientWith())));
    outer.close();
    expect(seen).toMatchObject({ requestId: 'request-2', tenant: 'acme' });
    expect((seen as { leftMs: number }).leftMs).toBeLessThanOrEqual(5000);
  });

  test('opens the breaker, which then refuses it', async () => {
    const breaker = { strategy: 'error-count', threshold: 2, minRequestAmount: 2 } as const;
    const client = clientWith({ policy: { breaker } });
    answer = refuse('NOT_FOUND');
    for (let time = 0; time < 3; time++) await failureOf(call(client));
    answer = refuse('INTERNAL');
    for (let time = 0; time < 2; time++) await failureOf(call(client));
    expect(await failureOf(call(client))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
    expect(asked).toBe(5);
  });

  test('says nothing to the breaker when its call was over before', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { breaker, timeoutMs: 5000 } });
    const over = new HttpCall('request-7', 'GET', '/');
    over.abort(deadlineExceeded());
    for (let time = 0; time < 2; time++)
      expect(await failureOf(runInCall(over, () => call(client)))).toMatchObject({
        reason: 'DEADLINE_EXCEEDED',
      });
    expect(asked).toBe(0);
    expect(await call(client)).toMatchObject({ reason: 'echo' });
  });

  test('is cancelled when its attempt takes too long', async () => {
    answer = untilAborted;
    const failure = await failureOf(call(clientWith({ policy: { timeoutMs: 500 } })));
    expect(failure).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: expect.stringMatching(/^(UPSTREAM_)?TIMEOUT$/),
    });
    await eventually('the other service knows', () => aborted === 1);
  });

  test('is not sent again unless it may be', async () => {
    answer = refuse('UNAVAILABLE');
    await failureOf(call(clientWith({ policy: { retry: { baseMs: 1, maxMs: 2 } } })));
    expect(asked, name).toBe(1);
    answer = async (order) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return order;
    };
    await call(clientWith({ policy: { hedge: { delayMs: 5 } } }));
    expect(asked, name).toBe(2);
  });
});

function untilAborted(): Promise<never> {
  const signal = currentCall()?.signal;
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      aborted += 1;
      reject(signal.reason as Error);
    });
  });
}

function withBaggage<T>(tenant: string, work: () => T): T {
  return context.with(
    propagation.setBaggage(context.active(), propagation.createBaggage({ tenant: { value: tenant } })),
    work,
  );
}

function unavailable(fault: string) {
  return { code: 'UNAVAILABLE', reason: 'UPSTREAM_UNAVAILABLE', metadata: { fault } };
}

describe('idempotent calls', () => {
  test('are sent again, after as long as the other service asks for', async () => {
    const client = clientWith({ policy: { retry: { baseMs: 1, maxMs: 2 } } });
    const times: number[] = [];
    answer = (order) => {
      times.push(performance.now());
      return times.length === 1 ? refuse('UNAVAILABLE', 300)() : order;
    };
    await client.unary(Rpcs.unary, order('echo'), { isIdempotent: true });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(295);
    times.length = 0;
    await last(client.serverStream(Rpcs.serverStream, order('echo'), { isIdempotent: true }));
    expect(asked).toBe(4);
  });

  test.each([
    ['unary', (client: GrpcClient) => client.unary(Rpcs.unary, order('echo'), { isIdempotent: true })],
    [
      'server streaming',
      (client: GrpcClient) =>
        last(client.serverStream(Rpcs.serverStream, order('echo'), { isIdempotent: true })),
    ],
  ])(
    'that hang are made again after a while, and cancelled when the second has its answer: %s',
    async (_name, call) => {
      const client = clientWith({ policy: { hedge: { delayMs: 40 } } });
      answer = (order) => (asked === 1 ? untilAborted() : order);
      expect(await call(client)).toMatchObject({ reason: 'echo' });
      await eventually('the other service knows', () => aborted === 1);
      expect(asked).toBe(2);
    },
  );

  test('a dependency that is late gets a tenth more of them, and a burst', async () => {
    const budget = { ratio: 0.1, burst: 3 };
    const client = clientWith({ policy: { hedge: { delayMs: 5, maxAttempts: 3 }, budget } });
    answer = async (order) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return order;
    };
    const calls = Array.from({ length: 50 }, () =>
      client.unary(Rpcs.unary, order('echo'), { isIdempotent: true }),
    );
    await Promise.all(calls);
    expect(asked).toBeGreaterThan(50);
    expect(asked).toBeLessThanOrEqual(50 * 1.1 + 3);
  });

  test('a dependency that always fails gets a tenth more of them, and a burst', async () => {
    const retry = { maxAttempts: 3, baseMs: 1, maxMs: 2 };
    const client = clientWith({ policy: { retry, budget: { ratio: 0.1, burst: 10 } } });
    answer = refuse('UNAVAILABLE');
    const calls = process.env['SOAK'] ? 20_000 : 500;
    for (let sent = 0; sent < calls; sent += 50)
      await Promise.all(
        Array.from({ length: 50 }, () =>
          failureOf(client.unary(Rpcs.unary, order('echo'), { isIdempotent: true })),
        ),
      );
    process.stdout.write(`gRPC: ${calls} calls, ${asked} received\n`);
    expect(asked).toBeGreaterThan(calls);
    expect(asked).toBeLessThanOrEqual(calls * 1.1 + 10);
  });
});

async function* broken() {
  yield order('echo');
  throw new Error('no more');
}

/** Requests without an end, and whether who makes them has been told to stop. */
function endless() {
  const source = { requests: requests(), isClosed: false };
  async function* requests() {
    try {
      for (;;) {
        yield order('enough');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      source.isClosed = true;
    }
  }
  return source;
}

describe('streams', () => {
  test('have their place in the bulkhead until they end', async () => {
    const client = clientWith({ policy: { timeoutMs: 5000, bulkhead: { maxConcurrent: 1 } } });
    const stream = client.serverStream(Rpcs.serverStream, order('echo'));
    await stream.next();
    expect(await failureOf(client.unary(Rpcs.unary, order('echo')))).toMatchObject({
      reason: 'BULKHEAD_FULL',
    });
    await stream.return(undefined);
    await eventually('its place is free', () =>
      client.unary(Rpcs.unary, order('echo')).then(
        () => true,
        () => false,
      ),
    );
  });

  test('that begin late are slow, although their reader leaves them', async () => {
    const breaker = { strategy: 'slow-call-ratio', maxAllowedRtMs: 50, minRequestAmount: 2 } as const;
    const client = clientWith({ policy: { breaker } });
    answer = (order) => new Promise((resolve) => setTimeout(() => resolve(order), 80));
    for (let time = 0; time < 2; time++) {
      const stream = client.serverStream(Rpcs.serverStream, order('echo'));
      await stream.next();
      await stream.return(undefined);
    }
    expect(await failureOf(client.unary(Rpcs.unary, order('echo')))).toMatchObject({
      reason: 'CIRCUIT_OPEN',
    });
  });

  test('outlive the time of the attempt that has begun them', async () => {
    const client = clientWith({ policy: { timeoutMs: 300 } });
    const outer = new HttpCall('request-3', 'GET', '/');
    outer.expireAfter(10_000, () => new Error('late'));
    let count = 0;
    answer = async (order) => {
      if (count++ > 0) await new Promise((resolve) => setTimeout(resolve, 600));
      return order;
    };
    await runInCall(outer, () => last(client.serverStream(Rpcs.serverStream, order('echo'))));
    outer.close();
    expect(count).toBe(2);
  });

  test('end with the call, also where the policy of who opened them is done', async () => {
    const handler = createPolicy('handler', { timeoutMs: 5000 });
    const client = clientWith({ policy: { timeoutMs: 5000 } });
    const outer = new HttpCall('request-4', 'GET', '/');
    let count = 0;
    answer = (order) => (count++ === 0 ? order : untilAborted());
    const stream = await runInCall(outer, () =>
      handler.run(async () => {
        const opened = client.serverStream(Rpcs.serverStream, order('echo'));
        await opened.next();
        return { opened };
      }),
    );
    const reason = new Error('the client left');
    const failed = failureOf(stream.opened.next());
    outer.abort(reason);
    expect(await failed).toBe(reason);
    await eventually('the other service knows', () => aborted === 1);
  });

  test('requests that cannot be made end the call with their own error', async () => {
    await expect(clientWith().clientStream(Rpcs.clientStream, broken())).rejects.toThrow('no more');
    await expect(last(clientWith().bidi(Rpcs.bidi, broken()))).rejects.toThrow('no more');
  });

  test('requests that nobody takes are closed, and do no harm when they break', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { breaker } });
    answer = refuse('INTERNAL');
    await failureOf(client.unary(Rpcs.unary, order('echo')));
    const asks = [
      (requests: Readable) => client.clientStream(Rpcs.clientStream, requests),
      (requests: Readable) => last(client.bidi(Rpcs.bidi, requests)),
    ];
    for (const ask of asks) {
      for (const file of [import.meta.filename, `${import.meta.filename}.none`]) {
        const requests = createReadStream(file);
        expect(await failureOf(ask(requests))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
        await eventually('it is closed', () => requests.closed);
      }
    }
  });

  test('requests that cannot be made say nothing of who answers', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { breaker, timeoutMs: 5000 } });
    for (let time = 0; time < 2; time++)
      await expect(client.clientStream(Rpcs.clientStream, broken())).rejects.toThrow('no more');
    expect(await client.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
  });

  test.each([
    {
      end: 'has its answer early',
      call: (client: GrpcClient, requests: AsyncIterable<Order>) =>
        client.clientStream(Rpcs.clientStream, requests),
    },
    {
      end: 'fails',
      call: (client: GrpcClient, requests: AsyncIterable<Order>) => {
        answer = refuse('INTERNAL');
        return failureOf(last(client.bidi(Rpcs.bidi, requests)));
      },
    },
    {
      end: 'is left',
      call: async (client: GrpcClient, requests: AsyncIterable<Order>) => {
        for await (const _ of client.bidi(Rpcs.bidi, requests)) break;
      },
    },
  ])('the source of the requests is closed when the call $end', async ({ call }) => {
    const source = endless();
    await call(clientWith(), source.requests);
    await eventually('the source is closed', () => source.isClosed);
  });
});

test('a message that is too large', async () => {
  answer = (order) => ({ ...order, domain: 'x'.repeat(2000) });
  expect(
    await failureOf(clientWith({ maxAnswerBytes: 1000 }).unary(Rpcs.unary, order('echo'))),
  ).toMatchObject({
    code: 'INTERNAL',
    reason: 'UPSTREAM_ANSWER_TOO_LARGE',
  });
});

test('a message that cannot be read', async () => {
  const responseDeserialize = (): never => {
    throw new Error('premature EOF');
  };
  const malformed = { code: 'INTERNAL', reason: 'UPSTREAM_ANSWER_MALFORMED' };
  const one = clientWith().unary({ ...Rpcs.unary, responseDeserialize }, order('echo'));
  expect(await failureOf(one)).toMatchObject(malformed);
  const stream = clientWith().serverStream({ ...Rpcs.serverStream, responseDeserialize }, order('echo'));
  expect(await failureOf(last(stream))).toMatchObject(malformed);
});

test('a time longer than any deadline is none', async () => {
  const client = clientWith({ timeoutMs: Number.MAX_SAFE_INTEGER });
  expect(await client.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
});

test('several connections are used in turn', async () => {
  const open = async () => (await Scrape.of(app)).sum('rpc_server_connections');
  const before = await open();
  const client = clientWith({ connections: 3 });
  for (let call = 0; call < 6; call++) await client.unary(Rpcs.unary, order('echo'));
  expect((await open()) - before).toBe(3);
});

test('a connection whose other end has vanished without a word is left within a minute, also without a deadline', async () => {
  const port = Number(app.grpc.address.split(':').at(-1));
  await using proxy = await FreezingProxy.start({ host: '127.0.0.1', port });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const client = clientWith({ target: `127.0.0.1:${proxy.port}`, timeoutMs: Infinity });
  await client.unary(Rpcs.unary, order('echo'));
  proxy.freeze();
  let failure: unknown;
  void failureOf(client.unary(Rpcs.unary, order('echo'))).then((error) => (failure = error));
  let waitedMs = 0;
  await eventually('it is left', () => {
    if (failure) return true;
    vi.advanceTimersByTime(1000);
    waitedMs += 1000;
    return false;
  });
  expect(failure).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', metadata: { fault: 'connection_lost' } });
  expect(waitedMs).toBeLessThan(60_000);
  vi.useRealTimers();
  expect(await client.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
});

describe('a name with several addresses', () => {
  /** The same service at another address; every connection to it counts. */
  let elsewhere: Server;
  let connections = 0;
  let addresses: string[];
  beforeAll(async () => {
    const port = Number(app.grpc.address.split(':').at(-1));
    elsewhere = createServer((socket) => {
      connections += 1;
      const onwards = connect(port, '127.0.0.1');
      pipeline(socket, onwards, socket, () => undefined);
    });
    await new Promise<void>((resolve) => elsewhere.listen(port, '127.0.0.2', resolve));
    const lookup = async () => addresses.map((address) => ({ address, family: 4 }));
    vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
  });
  afterAll(() => {
    vi.restoreAllMocks();
    elsewhere.close();
  });
  const target = () => `dns:///several.example:${app.grpc.address.split(':').at(-1)}`;

  test('has calls at all of them, in turn, and goes on with those that are there', async () => {
    addresses = ['127.0.0.3', '127.0.0.1', '127.0.0.2'];
    const client = clientWith({ target: target() });
    await eventually('both are in use', async () => {
      await client.unary(Rpcs.unary, order('echo'));
      return connections > 0;
    });
    for (let call = 0; call < 6; call++) await client.unary(Rpcs.unary, order('echo'));
    client.close();
  });

  test('is found soon at those that it has later', async () => {
    addresses = ['127.0.0.3'];
    const client = clientWith({ target: target() });
    const call = () => client.unary(Rpcs.unary, order('echo'));
    expect(await failureOf(call())).toMatchObject(unavailable('refused'));
    addresses = ['127.0.0.1'];
    const isThere = () => call().then(Boolean, () => false);
    await eventually('it is found', isThere);
    client.close();
  }, 25_000);
});

test('TLS shows the client’s certificate; one that is not trusted is refused', async () => {
  const authority = await TestAuthority.create();
  const [server, client] = await Promise.all([
    authority.issue({ name: 'upstream' }),
    authority.issue({ name: 'client' }),
  ]);
  const other = await TestAuthority.create('Another authority');
  const [serverFiles, files] = [TlsFiles.with(server), TlsFiles.with(client)];
  const secure = await TestApp.start({
    service: upstreamService,
    config: {
      ...serverFiles.config,
      TLS_HTTP: 'false',
      TLS_CLIENT_CA_FILE: serverFiles.replace('ca.crt', authority.certificate),
      TLS_CLIENT_AUTH: 'require',
    },
  });
  const target = secure.service.grpc.replace('127.0.0.1', 'localhost');
  const own = { certFile: files.path('tls.crt'), keyFile: files.path('tls.key') };
  const trusting = clientWith({
    target,
    tls: { caFile: files.replace('ca.crt', authority.certificate), ...own },
  });
  expect(await trusting.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
  // While one of two files has been replaced a connection is made with the former ones.
  const tls = { caFile: files.path('ca.crt'), ...own };
  const amid = clientWith({ target, tls });
  files.replace('tls.key', server.key);
  expect(await amid.unary(Rpcs.unary, order('echo'))).toMatchObject({ reason: 'echo' });
  files.replace('tls.key', client.key);
  const wary = clientWith({ target, tls: { caFile: files.replace('other.crt', other.certificate), ...own } });
  expect(await failureOf(wary.unary(Rpcs.unary, order('echo')))).toMatchObject({
    code: 'INTERNAL',
    reason: 'UPSTREAM_TLS_FAILED',
  });
  await secure.stop();
  for (const each of [authority, other, serverFiles, files]) each.remove();
});
