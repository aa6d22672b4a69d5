import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { RawConnection } from '../support/raw-connection.js';
import { Scrape } from '../support/scrape.js';

type Line = Readonly<Record<string, unknown>>;

const ROOT = new URL('../../', import.meta.url);
const HEADERS_MS = 400;
const REQUEST_MS = 900;
const KEEP_ALIVE_MS = 1000;
const GET = 'GET /probe/echo HTTP/1.1\r\nHost: test\r\n\r\n';
const POST_HEAD = 'POST /probe HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n';

const lines: Line[] = [];
let DATABASE_URL: string;
let app: TestApp;
beforeAll(async () => {
  DATABASE_URL = await createDatabase(inject('postgresUrl'));
  app = await TestApp.start({
    service: { module: ProbeModule, root: ROOT },
    config: {
      DATABASE_URL,
      LOG_LEVEL: 'info',
      HTTP_HEADERS_TIMEOUT_MS: HEADERS_MS,
      HTTP_REQUEST_TIMEOUT_MS: REQUEST_MS,
      HTTP_KEEP_ALIVE_TIMEOUT_MS: KEEP_ALIVE_MS,
    },
    logTo: { write: (text) => lines.push(JSON.parse(text) as Line) },
  });
});
afterAll(() => app.stop());

const open: RawConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.destroy();
  lines.length = 0;
});

async function connectTo(address: string): Promise<RawConnection> {
  const connection = await RawConnection.open(address);
  open.push(connection);
  return connection;
}

/** Writes a text byte by byte, more slowly than it may arrive, until the server has enough. */
async function trickle(connection: RawConnection, text: string): Promise<void> {
  for (const byte of text) {
    if (!connection.isOpen) return;
    connection.write(byte);
    await sleep(50);
  }
}

/** The answers on a connection: status and body each. */
function answersOf({ text }: RawConnection): { status: number; body: Record<string, unknown> }[] {
  return text
    .split(/(?=HTTP\/1\.1 )/)
    .filter(Boolean)
    .map((answer) => ({
      status: Number(answer.slice(9, 12)),
      body: JSON.parse(answer.split('\r\n\r\n', 2)[1] ?? '') as Record<string, unknown>,
    }));
}

const countOf = async (labels: Record<string, string>) =>
  (await Scrape.of(app)).sum('http_server_request_duration_seconds_count', labels);

const TOO_SLOW = { type: 'urn:problem-type:request-too-slow', status: 408, code: 'DEADLINE_EXCEEDED' };

describe('a REST client', () => {
  test.each([
    ['says nothing', () => Promise.resolve()],
    [
      'sends its headers slowly',
      (slow: RawConnection) =>
        trickle(slow, `GET /probe/echo HTTP/1.1\r\nHost: test\r\nX: ${'y'.repeat(100)}`),
    ],
  ])('that %s is told so after the time for headers, and counted', async (_name, send) => {
    const refused = { http_response_status_code: '408', http_route: '(unknown)' };
    const before = await countOf(refused);
    const slow = await connectTo(app.http.address);
    void send(slow);
    const closedAfterMs = await slow.closed;
    expect(closedAfterMs).toBeGreaterThan(HEADERS_MS - 50);
    expect(closedAfterMs).toBeLessThan(HEADERS_MS + 3000);
    expect(answersOf(slow)).toEqual([{ status: 408, body: expect.objectContaining(TOO_SLOW) }]);
    expect(await countOf(refused)).toBe(before + 1);
    expect(lines.filter(({ reason }) => reason === 'REQUEST_TOO_SLOW')).toHaveLength(1);
  });

  test('that sends its request after it was told so is not served, and loses the connection', async () => {
    const late = await RawConnection.open(app.http.address, { allowHalfOpen: true });
    open.push(late);
    await eventually('it is told', () => late.text !== '');
    late.write(GET);
    await eventually('nobody reads what it still sends', () => {
      late.write('x');
      return !late.isOpen;
    });
    expect(lines.filter(({ msg }) => msg === 'call').map(({ status }) => status)).toEqual([408]);
  });

  test('that sends its body slowly is told so after the time for a request, once, as the call it is', async () => {
    const slow = await connectTo(app.http.address);
    slow.write(`${POST_HEAD}Content-Length: 400\r\nX-Request-Id: slow-body\r\n\r\n`);
    void trickle(slow, `{"reason":"echo","domain":"${'y'.repeat(400)}`);
    const closedAfterMs = await slow.closed;
    expect(closedAfterMs).toBeGreaterThan(REQUEST_MS - 50);
    expect(closedAfterMs).toBeLessThan(REQUEST_MS + 3000);
    expect(answersOf(slow)).toEqual([
      {
        status: 408,
        body: expect.objectContaining({ ...TOO_SLOW, instance: '/probe', requestId: 'slow-body' }),
      },
    ]);
    expect(slow.text).toMatch(/connection: close/i);
    expect(await countOf({ http_response_status_code: '408', http_route: '/probe' })).toBe(1);
    const calls = lines.filter(({ msg }) => msg === 'call');
    expect(calls.map(({ route, status, reason }) => [route, status, reason])).toEqual([
      ['/probe', 408, 'REQUEST_TOO_SLOW'],
    ]);
  });

  test('that never sends the body nobody asked for has its answer, and no second one', async () => {
    const slow = await connectTo(app.http.address);
    slow.write(GET.replace('\r\n\r\n', '\r\nContent-Length: 100\r\n\r\n{'));
    expect(await slow.closed).toBeLessThan(REQUEST_MS + 3000);
    expect(answersOf(slow).map(({ status }) => status)).toEqual([200]);
    expect(lines.filter(({ msg }) => msg === 'call')).toHaveLength(1);
  });

  test('that is quick is served on one connection for longer than any of the limits', async () => {
    const quick = await connectTo(app.http.address);
    for (let call = 1; call <= 8; call++) {
      quick.write(GET);
      await eventually('the answer', () => answersOf(quick).length === call);
      await sleep(KEEP_ALIVE_MS / 4);
    }
    expect(answersOf(quick).every(({ status }) => status === 200)).toBe(true);
    expect(quick.isOpen).toBe(true);
  });

  test('that is idle is closed after the keep-alive time, without a word', async () => {
    const idle = await connectTo(app.http.address);
    idle.write(GET);
    const closedAfterMs = await idle.closed;
    expect(closedAfterMs).toBeGreaterThan(KEEP_ALIVE_MS - 50);
    expect(closedAfterMs).toBeLessThan(KEEP_ALIVE_MS + 5000);
    expect(answersOf(idle).map(({ status }) => status)).toEqual([200]);
  });

  test('is counted by the state of its connection', async () => {
    const state = async (name: string) =>
      (await Scrape.of(app)).sum('http_server_connections', { state: name });
    const [active, idle] = [await state('active'), await state('idle')];
    const waiting = await connectTo(app.http.address);
    waiting.write(GET.replace('echo', 'wait'));
    const resting = await connectTo(app.http.address);
    resting.write(GET);
    await eventually('both are counted', async () => (await state('active')) === active + 1);
    expect(await state('idle')).toBe(idle + 1);
  });
});

test('the management port gives slow clients the same answer', async () => {
  const slow = await connectTo(app.management.address);
  void trickle(slow, `GET /livez HTTP/1.1\r\nX: ${'y'.repeat(100)}`);
  expect(await slow.closed).toBeLessThan(HEADERS_MS + 3000);
  expect(answersOf(slow)).toEqual([{ status: 408, body: expect.objectContaining(TOO_SLOW) }]);
});

describe('a gRPC connection', () => {
  const connections = async (of: TestApp) => (await Scrape.of(of)).find('rpc_server_connections')[0]?.value;
  const start = (config: Record<string, unknown>) =>
    TestApp.start({ service: { module: ProbeModule, root: ROOT }, config: { DATABASE_URL, ...config } });

  /** A stream that answers what it is sent; `works` sends once more and waits for the answer. */
  const openStream = (of: TestApp) => {
    const stream = of.grpc.bidi(Probes.bidi);
    let answers = 0;
    stream.on('data', () => (answers += 1));
    const works = async () => {
      const before = answers;
      stream.write(order('echo'));
      await eventually('the stream answers', () => answers > before);
    };
    const end = async () => {
      stream.end();
      await once(stream, 'end');
    };
    return { works, end };
  };

  test('without calls is closed after its idle time, one with an open stream is not', async () => {
    const short = await start({ GRPC_MAX_CONNECTION_IDLE_MS: 500 });
    try {
      const stream = openStream(short);
      await stream.works();
      const silent = await connectTo(short.grpc.address);
      await eventually('both are counted', async () => (await connections(short)) === 2);
      expect(await silent.closed).toBeGreaterThan(450);
      await sleep(1000);
      await stream.works();
      expect(await connections(short)).toBe(1);
      await stream.end();
      await eventually('the idle client is closed', async () => (await connections(short)) === 0);
      // The client opens another one by itself.
      expect(await short.grpc.unary(Probes.unary, order('echo'))).toMatchObject({ reason: 'echo' });
    } finally {
      await short.stop();
    }
  });

  test('that has reached its age takes no new calls and lets the others end', async () => {
    const ageing = await start({ GRPC_MAX_CONNECTION_AGE_MS: 500 });
    try {
      const stream = openStream(ageing);
      await stream.works();
      await sleep(1000);
      expect(await ageing.grpc.unary(Probes.unary, order('echo'))).toMatchObject({ reason: 'echo' });
      expect(await connections(ageing)).toBe(2);
      await stream.works();
      await stream.end();
    } finally {
      await ageing.stop();
    }
  });

  test('that does not answer pings is closed', async () => {
    const pinging = await start({ GRPC_KEEPALIVE_TIME_MS: 1000, GRPC_KEEPALIVE_TIMEOUT_MS: 200 });
    try {
      const silent = await connectTo(pinging.grpc.address);
      const closedAfterMs = await silent.closed;
      expect(closedAfterMs).toBeGreaterThan(1150);
      expect(closedAfterMs).toBeLessThan(6000);
    } finally {
      await pinging.stop();
    }
  });
});
