import type { Metadata } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { Ctx } from '@nestjs/microservices';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Rpc } from '#chassis/grpc';
import { ErrorInfo } from '#generated/google/rpc/error_details';
import { Status } from '#generated/google/rpc/status';
import { eventually, order, ProbeModule, Probes, ProbeService, TestApp } from '../support/index.js';
import { Order } from '../support/probe.js';
import { createDatabase } from '../support/postgres.js';
import { RawConnection } from '../support/raw-connection.js';
import { frame, RawGrpcClient } from '../support/raw-grpc.js';
import { FLAG, FRAME, headerBlock, http2Frame, RawHttp2Client } from '../support/raw-http2.js';
import { Scrape } from '../support/scrape.js';

const ROOT = new URL('../../', import.meta.url);
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const PROTOCOL_ERROR = 1;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;
const FLOOD = 3000;
/** Identifier of a setting: what a client takes before it says more. */
const INITIAL_WINDOW_SIZE = Buffer.from([0, 4]);
const Seen = { ...Probes.unary, path: '/seen.v1.SeenService/Unary' };

@Controller()
class SeenController {
  @Rpc(Seen, Order)
  seen(order: Order, @Ctx() metadata: Metadata): Promise<Order> {
    const fields = Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]);
    return Promise.resolve({ ...order, metadata: Object.fromEntries(fields) as Record<string, string> });
  }
}

@Module({ imports: [ProbeModule], controllers: [SeenController] })
class SeenModule {}

let DATABASE_URL: string;
let app: TestApp;
const start = (config: Record<string, unknown> = {}) =>
  TestApp.start({ service: { module: SeenModule, root: ROOT }, config: { DATABASE_URL, ...config } });
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
  app = await start();
});
afterAll(() => app.stop());

/** A service for one test. */
async function withApp(
  config: Record<string, unknown>,
  run: (other: TestApp) => Promise<void>,
): Promise<void> {
  const other = await start(config);
  try {
    await run(other);
  } finally {
    await other.stop();
  }
}

const isHealthy = async (of: TestApp) =>
  expect(await of.grpc.unary(Probes.unary, order('echo'))).toMatchObject({ reason: 'echo' });
const body = frame(Probes.unary.requestSerialize(order('echo')));
const fields = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'y']));

interface Hostile {
  readonly name: string;
  readonly headers: Record<string, string>;
  /** Of gRPC; `reset` is HTTP/2's code where there is no answer. */
  readonly status?: number;
  readonly reason?: string;
  readonly reset?: number;
}

// prettier-ignore
const HOSTILE: readonly Hostile[] = [
  { name: 'many fields', headers: fields(100), status: RESOURCE_EXHAUSTED, reason: 'TOO_MANY_HEADERS' },
  { name: 'very many fields', headers: fields(300), reset: ENHANCE_YOUR_CALM },
  { name: 'a large field', headers: { 'x-large': 'y'.repeat(17_000) }, status: RESOURCE_EXHAUSTED, reason: 'HEADERS_TOO_LARGE' },
  { name: 'binary metadata that is no base64', headers: { 'x-data-bin': 'a%b' }, status: INVALID_ARGUMENT, reason: 'MALFORMED_METADATA' },
  { name: 'binary metadata that ends amid a byte', headers: { 'x-data-bin': 'AAECA' }, status: INVALID_ARGUMENT, reason: 'MALFORMED_METADATA' },
  { name: 'binary metadata padded within', headers: { 'x-data-bin': 'AA==AA' }, status: INVALID_ARGUMENT, reason: 'MALFORMED_METADATA' },
  { name: 'one malformed of several', headers: { 'x-data-bin': 'AAEC,!!' }, status: INVALID_ARGUMENT, reason: 'MALFORMED_METADATA' },
  { name: 'an authority with userinfo', headers: { ':authority': 'a@evil.example' }, reset: PROTOCOL_ERROR },
];

test.each(HOSTILE)('$name answers $status $reason $reset', async ({ headers, status, reason, reset }) => {
  const raw = new RawGrpcClient(app.grpc.address);
  for (const { path } of Object.values(Probes)) {
    const answer = await raw.call(path, { headers, body, limitMs: 5000 });
    expect([answer.grpcStatus, reasonOf(answer.headers['grpc-status-details-bin'])]).toEqual([
      status,
      reason,
    ]);
    if (reset !== undefined) expect(answer.rstCode).toBe(reset);
  }
  raw.close();
  await isHealthy(app);
});

// prettier-ignore
test.each([
  ['padded', 'AAE='], ['not padded', 'AAE'], ['empty', ''], ['two values', 'AAEC, AAE='],
])('binary metadata that is %s is no fault', async (_name, value) => {
  const raw = new RawGrpcClient(app.grpc.address);
  expect(await raw.call(Probes.unary.path, { headers: { 'x-data-bin': value }, body })).toMatchObject({ grpcStatus: 0 });
  raw.close();
});

test('names of the protocol and of proxies reach no handler', async () => {
  const raw = new RawGrpcClient(app.grpc.address);
  const headers = {
    'grpc-status': '0',
    'grpc-message': 'fine',
    'grpc-status-details-bin': 'AAEC',
    'grpc-internal-anything': '1',
    'x-forwarded-for': '192.0.2.1',
    forwarded: 'for=192.0.2.1',
    'x-real-ip': '192.0.2.1',
    'x-http-method-override': 'DELETE',
    'x-mine': 'stays',
  };
  const answer = await raw.call(Seen.path, { headers, body });
  const { metadata } = ErrorInfo.decode(answer.body.subarray(5));
  expect(metadata).toMatchObject({ 'x-mine': 'stays' });
  expect(Object.keys(headers).filter((name) => name in metadata)).toEqual(['x-mine']);
  raw.close();
});

const HEAD = {
  ':method': 'POST',
  ':scheme': 'http',
  ':authority': 'test',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const idOf = (index: number): number => 2 * index + 1;
const open = (index: number, more: Record<string, string> = {}, flags = 0, path = Probes.unary.path) =>
  http2Frame(
    FRAME.headers,
    FLAG.endHeaders | flags,
    idOf(index),
    headerBlock({ ':path': path, ...HEAD, ...more }),
  );
const reset = (index: number) => http2Frame(FRAME.reset, 0, idOf(index), uint32(CANCEL));
const PING = http2Frame(FRAME.ping, 0, 0, Buffer.alloc(8));
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

interface Flood {
  readonly name: string;
  /** The bytes of one turn, by its number. */
  readonly bytes: (index: number) => Buffer;
  /** The server ends the connection; the others it lets pass. */
  readonly isEnded: boolean;
}

// prettier-ignore
const FLOODS: readonly Flood[] = [
  { name: 'streams opened and reset', bytes: (index) => Buffer.concat([open(index), reset(index)]), isEnded: true },
  { name: 'streams that the server has to reset (window of 0)', bytes: (index) => Buffer.concat([open(index), http2Frame(FRAME.windowUpdate, 0, idOf(index), uint32(0))]), isEnded: true },
  { name: 'streams that the server has to reset (data after the end)', bytes: (index) => Buffer.concat([open(index, {}, FLAG.endStream), http2Frame(FRAME.data, 0, idOf(index), uint32(0))]), isEnded: true },
  { name: 'streams beyond the limit', bytes: (index) => open(index, {}, 0, Probes.bidi.path), isEnded: true },
  { name: 'a connection header', bytes: (index) => open(index, { connection: 'close' }), isEnded: true },
  { name: 'upper-case names', bytes: (index) => open(index, { 'X-Upper': 'y' }), isEnded: true },
  { name: 'empty DATA', bytes: (index) => (index === 0 ? open(0, {}, 0, Probes.clientStream.path) : http2Frame(FRAME.data, 0, 1, Buffer.alloc(0))), isEnded: true },
  { name: 'empty CONTINUATION', bytes: (index) => http2Frame(index === 0 ? FRAME.headers : FRAME.continuation, 0, 1, Buffer.alloc(0)), isEnded: true },
  { name: 'CONTINUATION without end', bytes: (index) => http2Frame(index === 0 ? FRAME.headers : FRAME.continuation, 0, 1, headerBlock({ [`x-${index}`]: 'y'.repeat(100) })), isEnded: true },
  { name: 'PING, answers not read', bytes: () => http2Frame(FRAME.ping, 0, 0, Buffer.alloc(8)), isEnded: true },
  { name: 'SETTINGS, answers not read', bytes: () => http2Frame(FRAME.settings, 0, 0, Buffer.alloc(0)), isEnded: true },
  { name: 'WINDOW_UPDATE of 0', bytes: () => http2Frame(FRAME.windowUpdate, 0, 0, uint32(0)), isEnded: true },
  { name: 'a window beyond 2³¹', bytes: () => http2Frame(FRAME.windowUpdate, 0, 0, uint32(0x7fffffff)), isEnded: true },
  { name: 'DATA on no stream', bytes: () => http2Frame(FRAME.data, 0, 0, uint32(0)), isEnded: true },
  { name: 'a frame beyond 16 KiB', bytes: () => http2Frame(FRAME.data, 0, 1, Buffer.alloc(20_000)), isEnded: true },
  { name: 'WINDOW_UPDATE', bytes: () => http2Frame(FRAME.windowUpdate, 0, 0, uint32(1)), isEnded: false },
  { name: 'PRIORITY', bytes: () => http2Frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 3, 9])), isEnded: false },
  { name: 'frames of an unknown type', bytes: () => http2Frame(0xfa, 0, 0, Buffer.alloc(10)), isEnded: false },
];

describe.each(FLOODS)('a flood of $name', ({ bytes, isEnded }) => {
  test(`${isEnded ? 'ends its connection' : 'is let pass'} and harms nobody else`, async () => {
    const attacker = new RawHttp2Client(app.grpc.address);
    attacker.write(Buffer.concat(Array.from({ length: FLOOD }, (_, index) => bytes(index))));
    await isHealthy(app);
    if (isEnded) await eventually('the attacker is cut off', () => !attacker.isOpen);
    await isHealthy(app);
    expect(attacker.isOpen).toBe(!isEnded);
    attacker.close();
    expect((await app.http.get('/probe/echo')).status).toBe(200);
  });
});

describe('a client that resets streams', () => {
  test(
    'in a loop is told to calm down and cut off, and counted; others go on',
    { timeout: 180_000 },
    async () => {
      await withApp({ GRPC_STREAM_RESET_BURST: 50, GRPC_STREAM_RESET_RATE: 10 }, async (other) => {
        const attacker = new RawHttp2Client(other.grpc.address);
        const { finished } = other.get(ProbeService);
        let sent = 0;
        for (; attacker.isOpen && sent < FLOOD; sent++) {
          attacker.write(Buffer.concat([open(sent), reset(sent), PING]));
          // Answered before the next: a connection that is closed with something unread loses what it had to say.
          await eventually('an answer', () => attacker.find(FRAME.ping).length > sent || !attacker.isOpen);
          if (sent % 10 === 0) await isHealthy(other);
        }
        await eventually('it is cut off', () => !attacker.isOpen);
        expect(attacker.find(FRAME.goAway)[0]?.payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM);
        expect(sent).toBeLessThan(FLOOD);
        expect(finished).toBe(0);
        const refused = { transport: 'grpc', reason: 'stream_resets' };
        expect((await Scrape.of(other)).sum('connections_refused_total', refused)).toBe(1);
        await isHealthy(other);
      });
    },
  );

  test('now and then, as a client does that hedges, is served on', { timeout: 180_000 }, async () => {
    await withApp({ GRPC_STREAM_RESET_BURST: 10, GRPC_STREAM_RESET_RATE: 1000 }, async (other) => {
      const raw = new RawGrpcClient(other.grpc.address);
      const waiting = frame(Probes.unary.requestSerialize(order('wait')));
      for (let call = 0; call < 40; call++)
        expect(await raw.call(Probes.unary.path, { body: waiting, limitMs: 5 })).toMatchObject({
          wasCut: true,
        });
      expect(await raw.call(Probes.unary.path, { body })).toMatchObject({ grpcStatus: 0 });
      raw.close();
    });
  });
});

test('the limit of calls under way is told to the client', async () => {
  await withApp({ GRPC_MAX_CONCURRENT_STREAMS: 7 }, async (other) => {
    const client = new RawHttp2Client(other.grpc.address);
    await eventually('the settings are there', () => client.find(FRAME.settings).length > 0);
    const settings = client.find(FRAME.settings).flatMap(({ payload }) => readSettings(payload));
    expect(settings).toContainEqual([3, 7]);
    client.close();
  });
});

test.each([
  ['GRPC_MAX_CONNECTIONS', 'max'],
  ['MAX_CONNECTIONS_PER_IP', 'max_per_ip'],
])('a connection beyond %s is closed and counted', async (key, reason) => {
  await withApp({ [key]: 2 }, async (other) => {
    await isHealthy(other);
    const second = await RawConnection.open(other.grpc.address);
    await sleep(50);
    const third = await RawConnection.open(other.grpc.address);
    await third.closed;
    expect(third.text).toBe('');
    await isHealthy(other);
    expect((await Scrape.of(other)).sum('connections_refused_total', { transport: 'grpc', reason })).toBe(1);
    second.destroy();
  });
});

test(
  'an answer that its client does not take is given up at the deadline',
  { timeout: 180_000 },
  async () => {
    await withApp({ MAX_DEADLINE_MS: 1500 }, async (other) => {
      const client = new RawHttp2Client(other.grpc.address);
      const large = { ...order('echo'), domain: 'x'.repeat(48_000) };
      const message = frame(Probes.unary.requestSerialize(large));
      client.write(http2Frame(FRAME.settings, 0, 0, Buffer.concat([INITIAL_WINDOW_SIZE, uint32(1000)])));
      client.write(open(0));
      for (let at = 0; at < message.length; at += 16_000) {
        const isLast = at + 16_000 >= message.length;
        client.write(
          http2Frame(FRAME.data, isLast ? FLAG.endStream : 0, 1, message.subarray(at, at + 16_000)),
        );
      }
      await eventually('the answer begins', () => client.find(FRAME.data, 1).length > 0);
      await eventually('it is given up', () => client.find(FRAME.reset, 1).length === 1);
      expect(client.find(FRAME.reset, 1)[0]?.payload.readUInt32BE()).toBe(CANCEL);
      await isHealthy(other);
      client.close();
    });
  },
);

function readSettings(payload: Buffer): [number, number][] {
  const count = payload.length / 6;
  return Array.from({ length: count }, (_, index) => [
    payload.readUInt16BE(6 * index),
    payload.readUInt32BE(6 * index + 2),
  ]);
}

function reasonOf(details: unknown): string | undefined {
  if (typeof details !== 'string') return undefined;
  const [info] = Status.decode(Buffer.from(details, 'base64')).details;
  return info && ErrorInfo.decode(info.value).reason;
}
