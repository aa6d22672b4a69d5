import { Controller, Get, Module, Post, Sse, StreamableFile, type MessageEvent } from '@nestjs/common';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { from, interval, map, type Observable } from 'rxjs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ServiceError } from '#chassis/errors';
import { TestAuthority } from '../support/certificates.js';
import { beginFault, endFaults } from '../support/faulty.js';
import { eventually, order, ProbeModule, ProbeService, SHAPES, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { FLAG, FRAME, headerBlock, http2Frame, RawHttp2Client } from '../support/raw-http2.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';
import { TlsTestClient } from '../support/tls-test-client.js';

const ROOT = new URL('../../', import.meta.url);
const MIB = 1024 * 1024;

/** Calls of `POST /shapes/empty` that were run. */
let emptied = 0;

@Controller('shapes')
class ShapesController {
  @Get('large')
  large(): object {
    return { text: 'x'.repeat(2 * MIB) };
  }

  /** More than the system's buffers take on a connection. */
  @Get('huge')
  huge(): object {
    return { text: 'x'.repeat(24 * MIB) };
  }

  @Post('empty')
  empty(): void {
    emptied += 1;
  }

  @Get('broken/iterable')
  brokenIterable(): AsyncIterable<string> {
    return broken();
  }

  @Get('broken/file')
  brokenFile(): StreamableFile {
    return new StreamableFile(Readable.from(broken(), { objectMode: false }));
  }

  @Get('broken/response')
  brokenResponse(): Response {
    return new Response(ReadableStream.from(broken()) as unknown as ReadableStream<Uint8Array>);
  }

  @Sse('ticks')
  ticks(): Observable<MessageEvent> {
    return interval(10).pipe(map((data) => ({ data: String(data) })));
  }

  @Sse('broken/events')
  brokenEvents(): Observable<MessageEvent> {
    return from(broken()).pipe(map((data) => ({ data })));
  }

  @Get('endless')
  async *endless(): AsyncGenerator<string> {
    for (;;) {
      yield 'more';
      await sleep(10);
    }
  }
}

/** The second half never comes. */
async function* broken(): AsyncGenerator<string> {
  yield 'the first half';
  await sleep(20);
  throw new Error('the source has failed');
}

@Module({ imports: [ProbeModule], controllers: [ShapesController] })
class CallsModule {}

/** Of all services here: lines that are no call's end go where the first one's go. */
const allLines: Record<string, unknown>[] = [];

/** Of a call that is over. */
async function linesOf(id: string): Promise<Record<string, unknown>[]> {
  const ofCall = () => allLines.filter(({ request_id }) => request_id === id);
  await eventually('it is logged', () => ofCall().some(({ msg }) => msg === 'call'));
  return ofCall();
}

/** What holds in plain text holds over TLS, whichever HTTP the client speaks. */
describe.each(['h1', 'h2'] as const)('over TLS with %s', (version) => {
  const lines: Record<string, unknown>[] = [];
  let files: TlsFiles;
  let authority: TestAuthority;
  let app: TestApp;
  let http: TlsTestClient;
  let probe: ProbeService;

  beforeAll(async () => {
    authority = await TestAuthority.create();
    files = TlsFiles.with(await authority.issue({ name: 'service' }));
    app = await TestApp.start({
      service: { module: CallsModule, root: ROOT },
      config: {
        DATABASE_URL: await createDatabase(inject('postgresUrl')),
        LOG_LEVEL: 'info',
        HTTP_REQUEST_TIMEOUT_MS: 1000,
        HTTP_HEADERS_TIMEOUT_MS: 1000,
        ...files.config,
      },
      tls: { ca: authority.certificate, version },
      logTo: {
        write: (text) => {
          const line = JSON.parse(text) as Record<string, unknown>;
          lines.push(line);
          allLines.push(line);
        },
      },
    });
    http = app.http as TlsTestClient;
    probe = app.get(ProbeService);
  });
  afterAll(async () => {
    await app.stop();
    files.remove();
    authority.remove();
  });

  if (version === 'h2')
    test("methods of the client's invention are one, and are not found", async () => {
      const method = 'A'.repeat(10_000);
      expect((await http.send('/probe/echo', { method })).status).toBe(404);
      await eventually('the call has its line', () =>
        lines.some(({ msg, status, method: told }) => msg === 'call' && status === 404 && told === '_OTHER'),
      );
      expect(JSON.stringify(lines)).not.toContain(method);
      expect((await Scrape.of(app)).text).not.toContain(method);
    });

  if (version === 'h2')
    test.each([
      ['a fragment', { ':path': '/probe/echo#x' }],
      ['a URL for its path', { ':path': 'http://localhost/probe/echo', ':scheme': 'other' }],
      [
        'a Host that :authority does not name',
        { ':path': '/probe/echo', ':authority': 'localhost', host: 'evil.example' },
      ],
    ])('a request with %s is refused', async (_name, headers) => {
      const stream = http.session().request(headers);
      const [{ ':status': status }] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect(status).toBe(400);
    });

  describe.each(SHAPES)('$name', ({ call }) => {
    test('is answered', async () => {
      expect((await call(app, 'echo')).answers).toContain('echo');
    });

    test('fails as it does in plain text', async () => {
      expect(await call(app, 'refuse')).toMatchObject({
        code: 'FAILED_PRECONDITION',
        reason: 'PROBE_REFUSED',
      });
      expect(await call(app, 'NOT A WORD')).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await call(app, 'fail')).toMatchObject({ code: 'INTERNAL' });
    });

    test('has a deadline, which aborts the handler', async () => {
      const before = probe.aborts.length;
      expect(await call(app, 'wait', { timeoutMs: 150 })).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await eventually('the handler sees it', () => probe.aborts.length > before);
      expect((probe.aborts.at(-1) as ServiceError).code).toBe('DEADLINE_EXCEEDED');
    });
  });

  test('the request id comes back, and the call is logged and counted with its address', async () => {
    const { status, headers } = await http.get('/probe/echo', { 'x-request-id': 'mine' });
    expect({ status, id: headers.get('x-request-id') }).toEqual({ status: 200, id: 'mine' });
    await eventually('the line', () => lines.some(({ request_id }) => request_id === 'mine'));
    expect(lines.find(({ request_id }) => request_id === 'mine')).toMatchObject({
      msg: 'call',
      route: '/probe/:reason',
      status: 200,
      code: 'OK',
      client_ip: '127.0.0.1',
    });
    const labels = { http_route: '/probe/:reason', http_response_status_code: '200' };
    expect((await Scrape.of(app)).sum('http_server_request_duration_seconds_count', labels)).toBeGreaterThan(
      0,
    );
  });

  test('the trace of the caller goes on', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const { body } = await http.get('/probe/refuse', { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    expect(body).toMatchObject({ status: 400, traceId });
  });

  test('bodies may be large, empty or too large', async () => {
    const large = await http.get('/shapes/large');
    expect(large.body.text).toHaveLength(2 * MIB);
    const sent = await http.post('/probe', { ...order('echo'), domain: 'x'.repeat(3 * MIB) });
    expect(sent.body.domain).toHaveLength(3 * MIB);
    expect((await http.post('/shapes/empty')).status).toBe(201);
    expect((await http.send('/probe/echo', { method: 'HEAD' })).status).toBe(200);
    await eventually('all are logged as done', () => lines.some(({ method }) => method === 'HEAD'));
    expect(lines.find(({ method }) => method === 'HEAD')).toMatchObject({ status: 200 });
    expect(lines.find(({ route }) => route === '/shapes/empty')).toMatchObject({ status: 201 });
    const refused = await http.post('/probe', { ...order('echo'), domain: 'x'.repeat(5 * MIB) });
    expect(refused).toMatchObject({ status: 413, body: { reason: 'BODY_TOO_LARGE' } });
  });

  test.each([
    ['/nowhere', {}, 404, 'ROUTE_NOT_FOUND'],
    ['/probe/%zz', {}, 400, 'MALFORMED_URL'],
    ['/probe/echo', { 'x-request-timeout-ms': 'soon' }, 400, 'MALFORMED_DEADLINE'],
    ['/probe/echo', { 'x-much': 'y'.repeat(20_000) }, 431, 'HEADERS_TOO_LARGE'],
  ])('%s with %j is refused', async (path, headers, status, reason) => {
    expect(await http.get(path, headers)).toMatchObject({ status, body: { status, reason } });
  });

  test.each(['GET', 'HEAD'])('a client that leaves its %s aborts the handler', async (method) => {
    const before = probe.aborts.length;
    const client = new AbortController();
    const answer = http.send('/probe/wait', { method, signal: client.signal });
    setTimeout(() => client.abort(), 150);
    await expect(answer).rejects.toThrow(/abort/i);
    await eventually('the handler sees it', () => probe.aborts.length > before);
    expect((probe.aborts.at(-1) as ServiceError).code).toBe('CANCELLED');
    await eventually('it is logged', () =>
      lines.some((line) => line['status'] === 499 && line['method'] === method),
    );
  });

  if (version === 'h2')
    test('a request that is reset before its end is not run, also with NO_ERROR', async () => {
      const before = emptied;
      const [host = '', port] = http.address.split(':');
      const socket = connectTls({
        host,
        port: Number(port),
        ca: authority.certificate,
        ALPNProtocols: ['h2'],
      });
      const client = new RawHttp2Client(socket);
      const head = headerBlock({
        ':method': 'POST',
        ':scheme': 'https',
        ':authority': 'localhost',
        ':path': '/shapes/empty',
        'content-type': 'application/json',
        'x-request-id': 'broken-off',
      });
      client.write(http2Frame(FRAME.headers, FLAG.endHeaders, 1, head));
      client.write(http2Frame(FRAME.data, 0, 1, Buffer.from('{}')));
      // The body has to be there when the reset comes.
      await sleep(50);
      client.write(http2Frame(FRAME.reset, 0, 1, Buffer.alloc(4)));
      const line = () => lines.find(({ request_id }) => request_id === 'broken-off');
      await eventually('its call is over', () => line() !== undefined);
      await sleep(50);
      expect(line()).toMatchObject({ status: 499, reason: 'CALL_CANCELLED' });
      expect(emptied).toBe(before);
      client.close();
    });

  test.each([
    ['stops is answered with 408', 'application/json', 408, 'REQUEST_TOO_SLOW'],
    ['nobody reads has its answer at once', 'text/plain', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('a request whose body %s, and its call is over', async (_how, type, status, reason) => {
    const id = `${version}-${status}`;
    const headers = { 'content-type': type, 'x-request-id': id };
    const sent = http.open('/probe', headers);
    sent.write('{"reason":');
    await eventually('it is logged', () => lines.some(({ request_id }) => request_id === id));
    expect(lines.find(({ request_id }) => request_id === id)).toMatchObject({ status, reason });
    sent.destroy();
  });

  test.each(['iterable', 'file', 'response'])(
    'an answer from a source (%s) that fails half-way breaks off, and is a failure of the service',
    async (kind) => {
      const id = `broken-${kind}-${version}`;
      const broken = http.get(`/shapes/broken/${kind}`, { 'x-request-id': id });
      await expect(broken).rejects.toThrow(version === 'h2' ? /NGHTTP2_INTERNAL_ERROR/ : /aborted/);
      const told = await linesOf(id);
      expect(told.map(({ level, msg }) => [level, msg])).toEqual([
        ['error', 'call failed'],
        ['error', 'call'],
      ]);
      expect(told.at(-1)).toMatchObject({ status: 500, code: 'INTERNAL', reason: 'INTERNAL' });
    },
  );

  test('events whose source fails half-way end with an event of it, and are a failure of the service', async () => {
    const id = `broken-events-${version}`;
    const { body } = await http.get('/shapes/broken/events', { 'x-request-id': id });
    expect(body).toContain('event: error');
    const told = await linesOf(id);
    expect(told.map(({ msg, err }) => [msg, (err as Error | undefined)?.message])).toEqual([
      ['call failed', 'the source has failed'],
      ['call', undefined],
    ]);
    expect(told.at(-1)).toMatchObject({ status: 500, code: 'INTERNAL', reason: 'INTERNAL' });
  });

  test('a HEAD of events is answered, and over', async () => {
    const headers = { 'x-request-id': `head-of-events-${version}` };
    const { status } = await http.send('/shapes/ticks', { method: 'HEAD', headers });
    expect(status).toBe(200);
    expect(await linesOf(headers['x-request-id'])).toMatchObject([{ msg: 'call', status: 200 }]);
  });

  test('an answer that is streamed beyond its deadline breaks off, and its status says so', async () => {
    const headers = { 'x-request-id': `endless-${version}`, 'x-request-timeout-ms': '200' };
    await expect(http.get('/shapes/endless', headers)).rejects.toThrow(/NGHTTP2|aborted/);
    const [line, ...others] = await linesOf(`endless-${version}`);
    expect(line).toMatchObject({ level: 'warn', status: 504, code: 'DEADLINE_EXCEEDED' });
    expect(others).toEqual([]);
  });

  test('an answer that is cut on purpose takes its connection along, but over HTTP/2 its stream only', async () => {
    await http.get('/probe/echo');
    const before = http.connections;
    const header = { name: 'x-cut' };
    const { id } = await beginFault(app, { kind: 'cut', routes: ['/probe/:reason'], header });
    // The other has only one request at a time on a connection.
    const late = { 'x-request-timeout-ms': '700' };
    const beside = version === 'h2' ? http.get('/probe/wait', late) : undefined;
    const broken = version === 'h2' ? /NGHTTP2_INTERNAL_ERROR/ : /aborted/;
    await expect(http.get('/probe/echo', { 'x-cut': '1', 'x-request-id': 'cut' })).rejects.toThrow(broken);
    expect((await beside)?.status ?? 504).toBe(504);
    expect((await http.get('/probe/echo')).status).toBe(200);
    expect(http.connections - before).toBe(version === 'h2' ? 0 : 1);
    await eventually('it is logged', () => lines.some(({ request_id }) => request_id === 'cut'));
    const line = lines.find(({ request_id }) => request_id === 'cut');
    expect(line).toMatchObject({ msg: 'call', status: 503, code: 'UNAVAILABLE', chaos: id });
    await endFaults(app);
  });
});

describe('HTTP/2', () => {
  let files: TlsFiles;
  let authority: TestAuthority;
  let DATABASE_URL: string;
  beforeAll(async () => {
    DATABASE_URL = await createDatabase(inject('postgresUrl'));
    authority = await TestAuthority.create();
    files = TlsFiles.with(await authority.issue({ name: 'service' }));
  });
  afterAll(() => {
    files.remove();
    authority.remove();
  });
  const start = (config: Record<string, unknown> = {}) =>
    TestApp.start({
      service: { module: CallsModule, root: ROOT },
      config: { DATABASE_URL, ...files.config, ...config },
      tls: { ca: authority.certificate, version: 'h2' },
    });

  test('CONNECT is answered with a problem', async () => {
    const app = await start();
    const stream = (app.http as TlsTestClient)
      .session()
      .request({ ':method': 'CONNECT', ':authority': 'a.example:80' });
    const [{ ':status': status }] = (await once(stream, 'response')) as [Record<string, unknown>];
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(status).toBe(400);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ reason: 'MALFORMED_REQUEST' });
    await app.stop();
  });

  test('many requests at a time share a connection; more than the limit wait for their turn', async () => {
    const app = await start();
    const client = app.http as TlsTestClient;
    await client.get('/probe/echo');
    expect(client.session().remoteSettings.maxConcurrentStreams).toBe(128);
    const answers = await Promise.all(Array.from({ length: 300 }, () => client.get('/probe/echo')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(client.connections).toBe(1);
    await app.stop();
  });

  test('a drain sends a GOAWAY, answers what is under way, and ends', async () => {
    const app = await start();
    const client = app.http as TlsTestClient;
    await client.get('/probe/echo');
    const told = once(client.session(), 'goaway');
    const busy = client.get('/probe/ignore-abort');
    await eventually(
      'the call is open',
      async () => (await Scrape.of(app)).sum('http_server_active_requests') === 1,
    );
    const report = app.service.shutdown.begin('test');
    expect((await told)[0]).toBe(constants.NGHTTP2_NO_ERROR);
    expect((await busy).status).toBe(200);
    expect((await report).forced).toEqual([]);
    await app.stop();
  });

  test('a worker whose place is taken ends its HTTP/2 connections with the calls under way', async () => {
    const app = await start();
    const client = app.http as TlsTestClient;
    await client.get('/probe/echo');
    const ended = once(client.session(), 'close');
    const busy = client.get('/probe/ignore-abort');
    await eventually(
      'the call is open',
      async () => (await Scrape.of(app)).sum('http_server_active_requests') === 1,
    );
    const report = app.service.shutdown.begin('test', { isHandover: true });
    expect((await busy).status).toBe(200);
    await ended;
    expect((await report).forced).toEqual([]);
    await app.stop();
  });

  test('a connection without a request is closed after the keep-alive time', async () => {
    const app = await start({ HTTP_KEEP_ALIVE_TIMEOUT_MS: 300 });
    const client = app.http as TlsTestClient;
    const session = client.session();
    await client.get('/probe/echo');
    await once(session, 'close');
    expect((await client.get('/probe/echo')).status).toBe(200);
    expect(client.connections).toBe(2);
    await app.stop();
  });
});

/** Asks for what does not fit into the buffers between, and reads none of it. Returns what ends the client. */
const STALL = {
  h1: (port: number, path: string, ca: string) => {
    const socket = connectTls({ port, ca, servername: 'localhost', ALPNProtocols: ['http/1.1'] });
    socket.on('error', () => {
      // A reset is a close, too.
    });
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
    return () => socket.destroy();
  },
  h2: (port: number, path: string, ca: string) => {
    const session = connectHttp2(`https://localhost:${port}`, { ca, settings: { initialWindowSize: 0 } });
    session.on('error', () => undefined);
    session.request({ ':path': path }).on('error', () => undefined);
    return () => session.destroy();
  },
};

test.each(['h1', 'h2'] as const)(
  'a client that does not read its answer over %s is given up',
  async (version) => {
    const authority = await TestAuthority.create();
    const files = TlsFiles.with(await authority.issue({ name: 'service' }));
    const app = await TestApp.start({
      service: { module: CallsModule, root: ROOT },
      config: {
        DATABASE_URL: await createDatabase(inject('postgresUrl')),
        MAX_DEADLINE_MS: 1000,
        HTTP_STALLED_TIMEOUT_MS: 2000,
        ...files.config,
      },
      tls: { ca: authority.certificate, version },
    });
    const port = Number(app.http.address.split(':')[1]);
    // HTTP/2 has a window of its own, and a limit for what waits on a session.
    const path = version === 'h1' ? '/shapes/huge' : '/shapes/large';
    const end = STALL[version](port, path, authority.certificate);
    const active = async () => (await Scrape.of(app)).sum('http_server_active_requests');
    await eventually('the call is there', async () => (await active()) === 1);
    await eventually('it is given up', async () => (await active()) === 0);
    const calls = (await Scrape.of(app)).find('http_server_request_duration_seconds_count', {
      http_route: path,
    });
    // Fastify hands a large answer over HTTP/2 on in pieces: it had not ended when its time was over.
    const status = version === 'h1' ? '499' : '504';
    expect(calls.map(({ labels }) => labels['http_response_status_code'])).toEqual([status]);
    end();
    await app.stop();
    files.remove();
    authority.remove();
  },
);
