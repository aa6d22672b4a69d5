import { Injectable, Logger, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { ClientReadableStream, Metadata } from '@grpc/grpc-js';
import { PinoLogger } from 'nestjs-pino';
import { AsyncResource } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { get } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentCall } from '#chassis/context';
import { Database } from '#chassis/database';
import { Tracing } from '#chassis/tracing';
import type { ErrorInfo } from '#generated/google/rpc/error_details';
import { ProbeGrpcController, ProbeHttpController, type Order } from '../support/probe.js';
import { RawConnection } from '../support/raw-connection.js';
import { RawGrpcClient } from '../support/raw-grpc.js';
import { sendRaw } from '../support/raw-http.js';
import {
  eventually,
  type GrpcOptions,
  order,
  Probes,
  ProbeService,
  SHAPES,
  TestApp,
} from '../support/index.js';

type Line = Readonly<Record<string, unknown>>;

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const RPCS: Readonly<Record<string, string>> = {
  'gRPC unary': 'probe.v1.ProbeService/Unary',
  'gRPC client stream': 'probe.v1.ProbeService/ClientStream',
  'gRPC server stream': 'probe.v1.ProbeService/ServerStream',
  'gRPC bidirectional stream': 'probe.v1.ProbeService/Bidi',
};
/** Every call of the test process shares it, and so do events from outside of all calls. */
const shared = new EventEmitter().setMaxListeners(0);
const ticks = setInterval(() => shared.emit('tick'), 5);

/** An error that does not let itself be written. */
function unreadable(): Error {
  return Object.defineProperty(new Error(), 'message', {
    get: () => {
      throw new Error('a secret of the inside');
    },
  });
}

/** The probe, which at `log` writes a line in every way in which code can come to run. */
@Injectable()
class TalkingProbe extends ProbeService {
  /** Request ids of the calls that were told to wait. */
  readonly waiting = new Set<string | undefined>();
  readonly #nest = new Logger('Talking');

  constructor(
    database: Database,
    tracing: Tracing,
    private readonly pino: PinoLogger,
  ) {
    super(database, tracing);
    pino.setContext('Talking');
  }

  /** As Node waits: what it throws then is an error of its own. */
  async #wait(): Promise<void> {
    const call = currentCall();
    this.waiting.add(call?.requestId);
    if (call) await sleep(60_000, undefined, { signal: call.signal });
  }

  override async run(order: Order): Promise<Order> {
    if (order.reason === 'wait') await this.#wait();
    if (order.reason === 'unreadable') throw unreadable();
    if (order.reason !== 'log') return super.run(order);
    const owner = currentCall()?.requestId;
    const say = (msg: string) => this.pino.info({ owner }, msg);
    say('at once');
    this.#nest.log({ owner }, 'through Nest');
    await this.#later(say);
    await this.#events(say);
    await this.#streams(say);
    await super.run({ ...order, reason: 'select' });
    say('after a query');
    return order;
  }

  async #later(say: (msg: string) => void): Promise<void> {
    await Promise.resolve();
    say('after an await');
    await new Promise<void>((done) => {
      setTimeout(() => {
        say('in a timer');
        setImmediate(() => {
          say('in an immediate');
          process.nextTick(() => {
            say('in a tick');
            queueMicrotask(() => {
              say('in a microtask');
              done();
            });
          });
        });
      }, 1);
    });
    await sleep(2);
    say('after a pause');
  }

  async #events(say: (msg: string) => void): Promise<void> {
    const own = new EventEmitter().once('done', () => say('in a listener'));
    setTimeout(() => own.emit('done'), 1);
    await once(own, 'done');
    await once(shared, 'tick');
    say('after an event from outside');
    await new Promise<void>((done) => {
      const listener = (): void => {
        say('in a bound listener of an event from outside');
        done();
      };
      shared.once('tick', AsyncResource.bind(listener));
    });
  }

  async #streams(say: (msg: string) => void): Promise<void> {
    const talk = new Transform({
      transform(chunk, _encoding, done) {
        say('in a transform');
        gzip(chunk, () => {
          say('in a callback of the thread pool');
          done(null, chunk);
        });
      },
    });
    await pipeline(Readable.from(['a']), talk, async (chunks) => {
      for await (const _ of chunks) say('in an iteration');
    });
    await new Promise<void>((done) => {
      get(`http://${address}/livez`, (response) => {
        response.on('data', () => say('in a stream of an answer'));
        response.on('end', done);
      });
    });
  }
}

@Injectable()
class RefusingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() === 'http')
      return !('x-refuse' in context.switchToHttp().getRequest<{ headers: object }>().headers);
    return context.switchToRpc().getContext<Metadata>().get('x-refuse').length === 0;
  }
}

@Module({
  controllers: [ProbeHttpController, ProbeGrpcController],
  providers: [
    { provide: ProbeService, useClass: TalkingProbe },
    { provide: APP_GUARD, useClass: RefusingGuard },
  ],
})
class TalkingModule {}

const lines: Line[] = [];
let app: TestApp;
let address: string;
let raw: RawGrpcClient;
let ids = 0;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [TalkingModule],
    config: { LOG_LEVEL: 'info', SERVICE_NAME: 'shop', SERVICE_VERSION: '1.2.3', MAX_MESSAGE_BYTES: 4096 },
    logTo: { write: (text) => lines.push(JSON.parse(text) as Line) },
  });
  address = app.management.address;
  raw = new RawGrpcClient(app.grpc.address);
});
afterAll(async () => {
  clearInterval(ticks);
  raw.close();
  await app.stop();
});

const newId = (): string => `call-${++ids}`;
const callLines = (id: string): Line[] =>
  lines.filter((line) => line['request_id'] === id && line['msg'] === 'call');

async function callLine(id: string): Promise<Line> {
  await eventually(`the line of ${id}`, () => callLines(id).length > 0);
  return callLines(id)[0] ?? {};
}

/** The fields of every call's line, in their order. */
function fieldsOf(isGrpc: boolean, reason?: string): string[] {
  const target = isGrpc ? 'rpc' : 'method route';
  const outcome = reason ? 'status code reason' : 'status code';
  const fields = `level time service version env transport ${target} ${outcome} latency_ms latency_bucket client_ip`;
  return `${fields} trace_id span_id trace_flags request_id msg`.split(' ');
}

describe.each(SHAPES)('over $name', ({ name, isGrpc, call }) => {
  test.each([
    { told: 'echo', level: 'info', code: 'OK', status: 200 },
    { told: 'fail', level: 'error', code: 'INTERNAL', status: 500, reason: 'INTERNAL' },
    { told: 'refuse', level: 'info', code: 'FAILED_PRECONDITION', status: 400, reason: 'PROBE_REFUSED' },
    {
      told: 'NOT A WORD',
      level: 'info',
      code: 'INVALID_ARGUMENT',
      status: 400,
      reason: 'VALIDATION_FAILED',
    },
    {
      told: 'echo',
      headers: { 'x-refuse': '1' },
      level: 'info',
      code: 'PERMISSION_DENIED',
      status: 403,
      reason: 'FORBIDDEN',
    },
    {
      told: 'wait',
      timeoutMs: 80,
      level: 'warn',
      code: 'DEADLINE_EXCEEDED',
      status: 504,
      reason: 'DEADLINE_EXCEEDED',
    },
  ])('$told ends with one line, $code at $level', async (expected) => {
    const { told, headers, timeoutMs, level, code, status, reason } = expected;
    const id = newId();
    await call(app, told, {
      headers: { ...headers, 'x-request-id': id },
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    const line = await callLine(id);
    expect(Object.keys(line)).toEqual(fieldsOf(isGrpc, reason));
    expect(line).toMatchObject({
      level,
      code,
      service: 'shop',
      version: '1.2.3',
      env: 'test',
      client_ip: '127.0.0.1',
      time: expect.stringMatching(ISO_TIME),
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      trace_flags: expect.stringMatching(/^0[01]$/),
      ...(reason && { reason }),
      ...(isGrpc
        ? { transport: 'grpc', rpc: RPCS[name], status: code }
        : { transport: 'http', method: 'POST', route: '/probe', status }),
    });
    const latency = Number(line['latency_ms']);
    expect(latency).toBeGreaterThan(timeoutMs === undefined ? 0 : timeoutMs - 20);
    expect(Number(line['latency_bucket'])).toBeGreaterThanOrEqual(latency / 1000);
  });

  test('an error that cannot be written is answered as any other, and its line says why', async () => {
    const id = newId();
    expect(await call(app, 'unreadable', { headers: { 'x-request-id': id } })).toEqual({
      code: 'INTERNAL',
      reason: 'INTERNAL',
      message: 'The service failed; quote the request id when you report it',
    });
    expect(await callLine(id)).toMatchObject({ level: 'error', code: 'INTERNAL' });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        request_id: id,
        msg: 'call failed',
        unwritten: 'a secret of the inside',
      }),
    );
  });

  test('a call that its client cancels ends with one line', async () => {
    const id = newId();
    const waiting = waitingCall(name, id);
    await eventually('the call waits', () => (app.get(ProbeService) as TalkingProbe).waiting.has(id));
    waiting.cancel();
    expect(await callLine(id)).toMatchObject({
      level: 'info',
      status: isGrpc ? 'CANCELLED' : 499,
      code: 'CANCELLED',
      reason: 'CALL_CANCELLED',
    });
    await call(app, 'echo');
    const told = lines.filter(({ request_id }) => request_id === id);
    expect(told.map(({ msg }) => msg)).toEqual(['call']);
  });

  test('lines bear the ids of their call wherever they are written', async () => {
    const id = newId();
    await call(app, 'log', { headers: { 'x-request-id': id } });
    const { trace_id } = await callLine(id);
    const said = lines.filter((line) => line['owner'] === id);
    expect(new Set(said.map(({ msg }) => msg)).size).toBe(16);
    for (const line of said)
      expect(line).toMatchObject({
        context: 'Talking',
        request_id: id,
        trace_id,
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
        trace_flags: expect.stringMatching(/^0[01]$/),
      });
  });
});

test('calls at the same time keep their ids apart', async () => {
  const calls = SHAPES.flatMap((shape) => Array.from({ length: 6 }, () => ({ shape, id: newId() })));
  await Promise.all(
    calls.map(({ shape, id }) => shape.call(app, 'log', { headers: { 'x-request-id': id } })),
  );
  for (const { id } of calls) {
    const { trace_id } = await callLine(id);
    const said = lines.filter((line) => line['owner'] === id || line['request_id'] === id);
    expect(said.length).toBeGreaterThanOrEqual(17);
    for (const line of said) expect([line['request_id'], line['trace_id']]).toEqual([id, trace_id]);
  }
});

test('a line outside of calls has no ids', () => {
  app.service.logger.info('outside');
  expect(Object.keys(lines.at(-1) ?? {})).toEqual(['level', 'time', 'service', 'version', 'env', 'msg']);
});

const unknownRoute = { route: '(unknown)', status: 404, code: 'NOT_FOUND', reason: 'ROUTE_NOT_FOUND' };
const json = { 'content-type': 'application/json' };
test.each<{ name: string; request: [string, RequestInit]; line: Line }>([
  { name: 'an unknown path', request: ['/no/where', {}], line: unknownRoute },
  {
    name: 'a method that the path has not',
    request: ['/probe', { method: 'PUT' }],
    line: { status: 405, reason: 'METHOD_NOT_ALLOWED' },
  },
  {
    name: 'broken JSON',
    request: ['/probe', { method: 'POST', headers: json, body: '{' }],
    line: { route: '/probe', status: 400, reason: 'MALFORMED_BODY' },
  },
  {
    name: 'too large a body',
    request: ['/probe', { method: 'POST', headers: json, body: JSON.stringify('x'.repeat(5000)) }],
    line: { route: '/probe', status: 413, reason: 'BODY_TOO_LARGE' },
  },
  {
    name: 'broken percent-encoding',
    request: ['/probe/%zz', {}],
    line: { route: '(unknown)', status: 400, reason: 'MALFORMED_URL' },
  },
  {
    name: 'a malformed deadline',
    request: ['/probe/echo', { headers: { 'x-request-timeout-ms': 'soon' } }],
    line: { route: '/probe/:reason', status: 400, reason: 'MALFORMED_DEADLINE' },
  },
])('REST: $name ends with a line', async ({ request: [path, init], line }) => {
  const id = newId();
  await app.http.send(path, { ...init, headers: { ...(init.headers as object), 'x-request-id': id } });
  expect(await callLine(id)).toMatchObject({ level: 'info', transport: 'http', ...line });
});

test('REST: what is no HTTP ends with a line', async () => {
  const { body } = await sendRaw(app.http.address, 'NONSENSE\r\n\r\n');
  const { requestId } = JSON.parse(body) as { requestId: string };
  expect(await callLine(requestId)).toMatchObject({
    method: '_OTHER',
    status: 400,
    reason: 'MALFORMED_REQUEST',
  });
});

test.each([
  ['breaks off', 'content-length: 9', '{"rea', true],
  ['is no chunk', 'transfer-encoding: chunked', 'zz\r\n', false],
  ['has no coding of ours', 'transfer-encoding: x', '{"rea', false],
])('REST: a call whose body %s ends with its own line, and no other', async (_name, framing, body, ends) => {
  const id = newId();
  const countOthers = (): number => lines.filter(({ method }) => method === '_OTHER').length;
  const before = countOthers();
  const head = `POST /probe HTTP/1.1\r\nhost: h\r\nx-request-id: ${id}\r\ncontent-type: application/json\r\n`;
  const connection = await RawConnection.open(app.http.address);
  connection.write(`${head}${framing}\r\n\r\n${body}`);
  if (ends) connection.end();
  expect(await callLine(id)).toMatchObject({
    method: 'POST',
    route: '/probe',
    status: 400,
    reason: 'MALFORMED_REQUEST',
  });
  await connection.closed;
  expect(connection.text).toMatch(new RegExp(`^HTTP/1.1 400 .*x-request-id: ${id}`, 's'));
  expect(countOthers()).toBe(before);
});

const UNARY = Probes.unary.path;
test.each<{ name: string; path: string; headers?: Record<string, string>; body?: Buffer; line: Line }>([
  {
    name: 'an unknown method',
    path: '/no.Service/Method',
    line: { rpc: '(unknown)', code: 'UNIMPLEMENTED', reason: 'METHOD_NOT_FOUND' },
  },
  {
    name: 'a malformed deadline',
    path: UNARY,
    headers: { 'grpc-timeout': 'soon' },
    line: { rpc: RPCS['gRPC unary'], code: 'INVALID_ARGUMENT', reason: 'MALFORMED_DEADLINE' },
  },
  {
    name: 'another protocol',
    path: UNARY,
    headers: { 'content-type': 'application/grpc-web' },
    line: { rpc: RPCS['gRPC unary'], code: 'INVALID_ARGUMENT', reason: 'UNSUPPORTED_MEDIA_TYPE' },
  },
  {
    name: 'bytes that are no message',
    path: UNARY,
    body: Buffer.from([0, 0, 0, 0, 1, 255]),
    line: { rpc: RPCS['gRPC unary'], code: 'INVALID_ARGUMENT' },
  },
  {
    name: 'too large a message',
    path: UNARY,
    body: Buffer.concat([Buffer.from([0, 0, 0, 0x20, 0]), Buffer.alloc(0x2000)]),
    line: { rpc: RPCS['gRPC unary'], code: 'RESOURCE_EXHAUSTED' },
  },
])('gRPC: $name ends with a line', async ({ path, headers, body, line }) => {
  const id = newId();
  await raw.call(path, { headers: { ...headers, 'x-request-id': id }, ...(body && { body }) });
  expect(await callLine(id)).toMatchObject({
    level: 'info',
    transport: 'grpc',
    status: line['code'],
    ...line,
  });
});

test('every call has had one line, and no more', () => {
  const counts = Map.groupBy(
    lines.filter(({ msg }) => msg === 'call'),
    (line) => line['request_id'],
  );
  expect(counts.size).toBeGreaterThan(80);
  for (const [id, found] of counts) expect(found, String(id)).toHaveLength(1);
});

/** A call of the given shape that hangs until it is cancelled. */
function waitingCall(name: string, id: string): { cancel: () => void } {
  const options = { metadata: { 'x-request-id': id } };
  if (name === 'REST') {
    const controller = new AbortController();
    const { signal } = controller;
    app.http.send('/probe/wait', { signal, headers: options.metadata }).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
    });
    return { cancel: () => controller.abort() };
  }
  const call = openCall(name, order('wait'), options);
  call.on('error', () => {
    // It is cancelled.
  });
  call.resume();
  return call;
}

function openCall(name: string, wait: ErrorInfo, options: GrpcOptions): ClientReadableStream<ErrorInfo> {
  if (name === 'gRPC server stream') return app.grpc.serverStream(Probes.serverStream, wait, options);
  const call = app.grpc.bidi(name === 'gRPC bidirectional stream' ? Probes.bidi : asStream(name), options);
  call.write(wait);
  // The handler of a unary call starts when the request is complete.
  if (name === 'gRPC unary') call.end();
  return call;
}

/** On the wire a unary call looks like any other. */
function asStream(name: string) {
  return name === 'gRPC unary' ? Probes.unary : Probes.clientStream;
}
