import { Controller, Get, Module, Query, type OnApplicationShutdown } from '@nestjs/common';
import dns from 'node:dns';
import { getEventListeners } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  HttpClients,
  UpstreamError,
  type HttpClientRequest,
  type NamedHttpClientOptions,
} from '#chassis/clients';
import { HttpCall, runInCall } from '#chassis/context';
import { deadlineExceeded } from '#chassis/errors';
import { createPolicy } from '#chassis/resilience';
import { service } from '../../src/app.module.js';
import { eventually, freePort, TestApp } from '../support/index.js';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';
import { Upstream } from '../support/upstream.js';

@Controller('relay')
class RelayController {
  constructor(private readonly clients: HttpClients) {}

  @Get()
  relay(@Query('url') url: string): Promise<object> {
    const retry = { maxAttempts: 2, baseMs: 1, maxMs: 2 };
    return this.clients.create({ name: 'relay', baseUrl: url, policy: { retry } }).send(GET);
  }
}

@Module({ controllers: [RelayController] })
class RelayModule {}

let app: TestApp;
let receiver: OtlpReceiver;
let upstream: Upstream;
let names = 0;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    service: { module: RelayModule, root: service.root },
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20 },
  });
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});
beforeEach(async () => {
  upstream = await Upstream.start((_request, response) => response.end('{}'));
});
afterEach(() => upstream.stop());

const GET = { method: 'GET', path: '/' };

/** A client of a name of its own. */
function clientWith(options: Partial<NamedHttpClientOptions> = {}) {
  const name = `upstream-${++names}`;
  return app.get(HttpClients).create({ name, baseUrl: upstream.url, ...options });
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );

test.each([
  ['baseUrl', '', 'a URL that begins with http:// or https://'],
  ['baseUrl', 'ftp://files.example', 'a URL that begins with http:// or https://'],
  ['baseUrl', 'http://me:secret@payments.example', 'without user, password, query and fragment'],
  ['baseUrl', 'http://payments.example/api?tenant=a', 'without user, password, query and fragment'],
  ['timeoutMs', 0, 'a function, or at least 1'],
  ['timeoutMs', Number.NaN, 'a function, or at least 1'],
  ['maxConnections', 0, 'a whole number from 1 on'],
  ['keepAliveMs', 0, 'a whole number from 1 on'],
  ['maxConnectionAgeMs', 0, 'a whole number from 1 on'],
  ['connectTimeoutMs', -1, 'a whole number from 1 on'],
  ['maxAnswerBytes', Number.NaN, 'a whole number from 1 on'],
])('the option %s may not be %o', (option, value, allowed) => {
  const message = `Client "upstream-${names + 1}": ${option} must be ${allowed}`;
  expect(() => clientWith({ [option]: value })).toThrow(new TypeError(message));
});

test('files of TLS and a URL without it do not go together', () => {
  const tls = { caFile: 'ca.crt' };
  const message = `Client "upstream-${names + 1}": baseUrl must be a URL that begins with https://, since there is tls`;
  expect(() => clientWith({ tls })).toThrow(new TypeError(message));
});

describe('connections', () => {
  test('are kept and used again, no more of them than allowed', async () => {
    const client = clientWith({ maxConnections: 2 });
    upstream.answer = (_request, response) => setTimeout(() => response.end(), 20);
    await Promise.all(Array.from({ length: 6 }, () => client.send(GET)));
    await client.send(GET);
    expect({ requests: upstream.requests, connections: upstream.connections }).toEqual({
      requests: 7,
      connections: 2,
    });
  });

  test('are counted by client and state, and so is who waits for one', async () => {
    const client = clientWith({ maxConnections: 1 });
    const answers: (() => void)[] = [];
    upstream.answer = (_request, response) => answers.push(() => response.end());
    const sent = [client.send(GET), client.send(GET)];
    await eventually('one request is there', () => answers.length === 1);
    const read = async () => {
      const scrape = await Scrape.of(app);
      const labels = { client: client.name };
      const of = (state: string) => scrape.sum('http_client_connections', { ...labels, state });
      const waiting = scrape.sum('http_client_connections_pending_requests', labels);
      return { active: of('active'), idle: of('idle'), waiting };
    };
    expect(await read()).toEqual({ active: 1, idle: 0, waiting: 1 });
    answers[0]?.();
    await eventually('the other is there', () => answers.length === 2);
    answers[1]?.();
    await Promise.all(sent);
    expect(await read()).toEqual({ active: 0, idle: 1, waiting: 0 });
  });

  test('that the other side has closed are not used again', async () => {
    const client = clientWith();
    upstream.answer = (_request, response) => response.setHeader('connection', 'close').end();
    await client.send(GET);
    await client.send(GET);
    expect(upstream.connections).toBe(2);
  });

  test('are made anew when they have reached their age, never more of them than allowed', async () => {
    const client = clientWith({ maxConnectionAgeMs: 50, maxConnections: 1 });
    const sockets = new Set<Socket>();
    const countOpen = () => [...sockets].filter(({ destroyed }) => !destroyed).length;
    upstream.answer = (request, response) => {
      sockets.add(request.socket);
      setTimeout(() => response.end(), 70);
    };
    await client.send(GET);
    const busy = client.send(GET);
    await sleep(60);
    await Promise.all([busy, client.send(GET)]);
    expect(sockets.size).toBe(2);
    await eventually('one is open', () => countOpen() === 1);
  });

  test('wait for open requests when the client is closed, and take no more', async () => {
    const client = clientWith();
    upstream.answer = (_request, response) => setTimeout(() => response.end('"last"'), 50);
    const last = client.send(GET);
    await client.close();
    expect(await last).toBe('"last"');
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' });
  });
});

describe('what goes wrong', () => {
  test('a refused connection', async () => {
    const client = clientWith({ baseUrl: `http://127.0.0.1:${await freePort()}` });
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('refused'));
  });

  test('a name that nobody has', async () => {
    const client = clientWith({ baseUrl: 'http://nobody.certificates.invalid' });
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('dns'));
  });

  test('a name server that fails for a while: the address that was there last holds', async () => {
    const client = clientWith({ baseUrl: upstream.url.replace('127.0.0.1', 'steady.example') });
    upstream.answer = (_request, response) => response.setHeader('connection', 'close').end('"in"');
    const failed = (code: string) => Object.assign(new Error(`getaddrinfo ${code}`), { code });
    const address = [{ address: '127.0.0.1', family: 4 }];
    const lookup = vi.spyOn(dns, 'lookup');
    const answerWith = (...answer: unknown[]) =>
      lookup.mockImplementation(((_host: string, _options: object, done: (...answer: unknown[]) => void) =>
        done(...answer)) as never);
    answerWith(failed('EAI_AGAIN'));
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('dns'));
    answerWith(null, address);
    expect(await client.send(GET)).toBe('"in"');
    answerWith(failed('EAI_AGAIN'));
    expect(await client.send(GET)).toBe('"in"');
    answerWith(failed('ENOTFOUND'));
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('dns'));
    lookup.mockRestore();
  });

  test('a name server that says nothing: the address that was there last holds in time', async () => {
    const connectTimeoutMs = 1500;
    const client = clientWith({
      baseUrl: upstream.url.replace('127.0.0.1', 'silent.example'),
      connectTimeoutMs,
    });
    upstream.answer = (_request, response) => response.setHeader('connection', 'close').end('"in"');
    const lookup = vi.spyOn(dns, 'lookup');
    const address = [{ address: '127.0.0.1', family: 4 }];
    lookup.mockImplementationOnce(((_host: string, _options: object, done: (...answer: unknown[]) => void) =>
      done(null, address)) as never);
    expect(await client.send(GET)).toBe('"in"');
    lookup.mockImplementation(() => undefined);
    expect(await client.send(GET)).toBe('"in"');
    lookup.mockRestore();
  });

  test('a connection that is cut before the answer, and within it', async () => {
    const client = clientWith();
    upstream.answer = (request) => request.socket.destroy();
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('connection_lost'));
    upstream.answer = (request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half', () => request.socket.destroy());
    };
    expect(await failureOf(client.send(GET))).toMatchObject(unavailable('connection_lost'));
  });

  test('an answer that takes too long, and a body that never ends', async () => {
    const client = clientWith({ timeoutMs: 50 });
    const late = {
      code: 'DEADLINE_EXCEEDED',
      reason: 'UPSTREAM_TIMEOUT',
      metadata: { upstream: client.name },
    };
    upstream.answer = () => undefined;
    expect(await failureOf(client.send(GET))).toMatchObject(late);
    upstream.answer = (_request, response) => response.writeHead(200).write('and');
    expect(await failureOf(client.send(GET))).toMatchObject(late);
  });

  test.each([
    ['announced', (size: number) => ({ 'content-length': size })],
    ['as it comes', () => ({})],
  ])('an answer that is too large, %s', async (_how, headersOf) => {
    const client = clientWith({ maxAnswerBytes: 1000 });
    const answerWith = (size: number) => {
      upstream.answer = (_request, response) =>
        response.writeHead(200, headersOf(size)).end('x'.repeat(size));
    };
    answerWith(1000);
    expect(await client.send(GET)).toHaveLength(1000);
    answerWith(1001);
    const refusal = { code: 'INTERNAL', reason: 'UPSTREAM_ANSWER_TOO_LARGE', httpStatus: 502 };
    expect(await failureOf(client.send(GET))).toMatchObject(refusal);
  });

  test('an answer that is no JSON, and one that is no HTTP', async () => {
    const client = clientWith();
    const malformed = { code: 'INTERNAL', reason: 'UPSTREAM_ANSWER_MALFORMED', httpStatus: 502 };
    upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"half":');
    expect(await failureOf(client.send(GET))).toMatchObject(malformed);
    upstream.answer = (request) => request.socket.end('HTTP/9.9 what?\r\n\r\n');
    expect(await failureOf(client.send(GET))).toMatchObject(malformed);
  });

  test.each(['application/problem+json', 'Application/JSON', 'application/json; charset=utf-8'])(
    'nothing with JSON of the type %s, also behind a byte order mark',
    async (type) => {
      upstream.answer = (_request, response) =>
        response.writeHead(200, { 'content-type': type }).end('\uFEFF{"a":1}');
      expect(await clientWith().send(GET)).toEqual({ a: 1 });
    },
  );

  test('a status that is no success, with its canonical code and when to come again', async () => {
    const client = clientWith();
    upstream.answer = (_request, response) =>
      response
        .writeHead(503, { 'retry-after': '2', 'content-type': 'application/problem+json' })
        .end('{"a":1}');
    const refusal = await failureOf(client.send(GET));
    expect(refusal).toBeInstanceOf(UpstreamError);
    expect(refusal).toMatchObject({ status: 503, code: 'UNAVAILABLE', retryAfterMs: 2000, body: { a: 1 } });
    upstream.answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    expect(await failureOf(client.send(GET))).toMatchObject({ status: 302, code: 'FAILED_PRECONDITION' });
  });

  test.each([
    ['is no JSON', { 'content-type': 'application/json' }, '<html>', '<html>'],
    ['is too large', { 'content-length': 1001 }, 'x'.repeat(1001), undefined],
    ['is too large as it comes', {}, 'x'.repeat(1001), undefined],
  ])('a status whose body %s counts all the same', async (_how, headers, content, body) => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const retry = { maxAttempts: 2, baseMs: 1, maxMs: 2 };
    const client = clientWith({ maxAnswerBytes: 1000, policy: { retry, breaker } });
    upstream.answer = (_request, response) => response.writeHead(404, headers).end(content);
    expect(await failureOf(client.send(GET))).toMatchObject({ status: 404, body });
    upstream.answer = (_request, response) =>
      response.writeHead(503, { ...headers, 'retry-after': '0' }).end(content);
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
    expect(upstream.requests).toBe(2);
    await eventually('no connection is held', () => client.connections.active === 0);
  });

  test('a status whose body breaks off counts all the same, also what it asks for', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { retry: { maxAttempts: 2, baseMs: 1, maxMs: 2 }, breaker } });
    const cutAfter = (status: number) =>
      (({ socket }, response) =>
        response
          .writeHead(status, { 'content-length': 100, 'retry-after': '7' })
          .write('half', () => setTimeout(() => socket.destroy(), 20))) satisfies Upstream['answer'];
    upstream.answer = cutAfter(404);
    expect(await failureOf(client.send(GET))).toMatchObject({ status: 404, body: undefined });
    expect(await failureOf(client.stream(GET))).toMatchObject({ status: 404, body: undefined });
    upstream.answer = cutAfter(429);
    expect(await failureOf(client.send(GET))).toMatchObject({ status: 429, retryAfterMs: 7000 });
    expect(upstream.requests).toBe(3);
  });

  test('no body of an answer to a HEAD, however long that of a GET is', async () => {
    upstream.answer = (_request, response) => response.writeHead(200, { 'content-length': 1001 }).end();
    const client = clientWith({ maxAnswerBytes: 1000 });
    expect(await client.send({ method: 'HEAD', path: '/' })).toBeUndefined();
  });

  test.each(['', '.', '..', undefined])('a path that would be another one: %j', async (id) => {
    const request = { method: 'DELETE', path: '/v1/payments/{id}', parameters: { id } };
    await expect(clientWith().send(request)).rejects.toThrow(/"id" of \/v1\/payments\/\{id\} is/);
    expect(upstream.requests).toBe(0);
  });
});

function unavailable(fault: string) {
  return { code: 'UNAVAILABLE', reason: 'UPSTREAM_UNAVAILABLE', metadata: { fault } };
}

describe('TLS', () => {
  let authority: TestAuthority;
  let server: TestCertificate;
  let files: TlsFiles;
  beforeAll(async () => {
    authority = await TestAuthority.create();
    server = await authority.issue({ name: 'upstream' });
    files = TlsFiles.with(await authority.issue({ name: 'client' }));
  });
  afterAll(() => {
    authority.remove();
    files.remove();
  });
  const filesOf = (ca: string) => ({
    caFile: files.replace('ca.crt', ca),
    certFile: files.path('tls.crt'),
    keyFile: files.path('tls.key'),
  });

  test('shows the client’s certificate, and what the files hold when it connects', async () => {
    const secure = await Upstream.start((_request, response) => response.end('"in"'), {
      ...server,
      ca: authority.certificate,
    });
    const other = await TestAuthority.create('Another authority');
    const client = clientWith({ baseUrl: secure.url, tls: filesOf(other.certificate) });
    const refused = { code: 'INTERNAL', reason: 'UPSTREAM_TLS_FAILED', httpStatus: 502 };
    expect(await failureOf(client.send(GET))).toMatchObject(refused);
    files.replace('ca.crt', authority.certificate);
    expect(await client.send(GET)).toBe('"in"');
    const stranger = clientWith({ baseUrl: secure.url, tls: { caFile: files.path('ca.crt') } });
    // TLS 1.3 lets a client send before the server has looked at its certificate: then the connection just closes.
    expect(await failureOf(stranger.send(GET))).toMatchObject({
      reason: expect.stringMatching(/^UPSTREAM_(TLS_FAILED|UNAVAILABLE)$/),
    });
    secure.stop();
    other.remove();
  });

  test('goes on with what the files held before while they do not fit', async () => {
    const secure = await Upstream.start(
      (_request, response) => response.setHeader('connection', 'close').end('"in"'),
      { ...server, ca: authority.certificate },
    );
    const client = clientWith({ baseUrl: secure.url, tls: filesOf(authority.certificate) });
    const [former, other] = [readFileSync(files.path('tls.key'), 'utf8'), server.key];
    for (const [name, broken, whole] of [
      ['tls.key', other, former],
      ['tls.key', '', former],
      ['ca.crt', '', authority.certificate],
    ] as const) {
      files.replace(name, broken);
      expect(await client.send(GET)).toBe('"in"');
      files.replace(name, whole);
      expect(await client.send(GET)).toBe('"in"');
    }
    expect(secure.connections).toBe(6);
    secure.stop();
  });

  test.each([
    ['nowhere.crt', undefined],
    ['empty.crt', ''],
  ])('files that cannot be used are told at once: %s', (name, text) => {
    const tls = { caFile: text === undefined ? files.path(name) : files.replace(name, text) };
    expect(() => clientWith({ baseUrl: 'https://localhost', tls })).toThrow(
      RegExp(`Client "upstream-\\d+": TLS cannot be set up .*${name}`),
    );
  });
});

test('features may still call while they shut down', async () => {
  let farewell: unknown;
  @Module({})
  class FarewellModule implements OnApplicationShutdown {
    constructor(private readonly clients: HttpClients) {}

    async onApplicationShutdown(): Promise<void> {
      farewell = await this.clients.create({ name: 'farewell', baseUrl: upstream.url }).send(GET);
    }
  }
  const leaving = await TestApp.start({ service: { module: FarewellModule, root: service.root } });
  upstream.answer = (_request, response) => response.end('"bye"');
  await leaving.stop();
  expect(farewell).toBe('"bye"');
});

describe('inside a call', () => {
  test('bears its request id and what is left of its deadline', async () => {
    const call = new HttpCall('request-7', 'GET', '/');
    call.expireAfter(3000, () => new Error('late'));
    let headers: Record<string, unknown> = {};
    upstream.answer = (request, response) => {
      headers = request.headers;
      response.end();
    };
    await runInCall(call, () => clientWith().send(GET));
    call.close();
    expect(headers['x-request-id']).toBe('request-7');
    expect(Number(headers['x-request-timeout-ms'])).toBeGreaterThan(0);
    expect(Number(headers['x-request-timeout-ms'])).toBeLessThanOrEqual(3000);
  });

  test('bears its trace and its baggage, each attempt in a span of its own', async () => {
    const seen: (string | undefined)[] = [];
    upstream.answer = ({ headers }, response) => {
      seen.push(`${String(headers['traceparent']).slice(3, 35)} ${String(headers['baggage'])}`);
      response.writeHead(upstream.requests === 1 ? 503 : 200).end();
    };
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await app.http.get(`/relay?url=${encodeURIComponent(upstream.url)}`, {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      baggage: 'tenant=acme',
    });
    expect(seen).toEqual([`${traceId} tenant=acme`, `${traceId} tenant=acme`]);
    const isAttempt = ({ attributes }: ReceivedSpan) => attributes['url.full'] === `${upstream.url}/`;
    const spans = await receiver.find('both attempts', isAttempt, 2);
    const resends = spans.map(({ attributes }) => attributes['http.request.resend_count']);
    expect(resends).toEqual([undefined, 1]);
  });

  test('ends with it: the other service sees its connection close', async () => {
    const call = new HttpCall('request-8', 'GET', '/');
    const reason = new Error('the client left');
    const closed = Promise.withResolvers<void>();
    upstream.answer = (request) => {
      request.socket.once('close', () => closed.resolve());
      call.abort(reason);
    };
    expect(await failureOf(runInCall(call, () => clientWith().send(GET)))).toBe(reason);
    await closed.promise;
  });
});

describe('under a policy', () => {
  const failing: Upstream['answer'] = (_request, response) => response.writeHead(503).end();
  const retry = { maxAttempts: 3, baseMs: 1, maxMs: 2 };

  test.each([
    ['GET', {}, 3],
    ['PUT', {}, 3],
    ['POST', {}, 1],
    ['PATCH', {}, 1],
    ['POST', { headers: { 'Idempotency-Key': 'k' } }, 3],
    ['POST', { isIdempotent: true }, 3],
    ['GET', { isIdempotent: false }, 1],
    ['PUT', { content: Readable.from(['once']) }, 1],
  ])('%s %o is sent %i times', async (method, more, times) => {
    upstream.answer = failing;
    const client = clientWith({ policy: { retry } });
    expect(await failureOf(client.send({ method, path: '/', ...more }))).toMatchObject({ status: 503 });
    expect(upstream.requests).toBe(times);
  });

  test('waits as long as the answer asks for', async () => {
    const client = clientWith({ policy: { retry } });
    const times: number[] = [];
    upstream.answer = (_request, response) => {
      times.push(performance.now());
      if (times.length === 1) response.writeHead(503, { 'retry-after': '1' });
      response.end();
    };
    await client.send(GET);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('a fault of who asks is no failure of who answers', async () => {
    const client = clientWith({
      policy: { breaker: { strategy: 'error-count', threshold: 3, minRequestAmount: 3 } },
    });
    upstream.answer = (_request, response) => response.writeHead(404).end();
    for (let call = 0; call < 5; call++)
      expect(await failureOf(client.send(GET))).toMatchObject({ status: 404 });
    upstream.answer = (_request, response) => response.writeHead(304, { etag: '"1"' }).end();
    const known = { ...GET, headers: { 'if-none-match': '"1"' } };
    for (let call = 0; call < 5; call++)
      expect(await failureOf(client.send(known))).toMatchObject({ status: 304 });
    // Nor is what is never sent: who gives it must not open the breaker for all others.
    const nameless = { method: 'GET', path: '/{id}', parameters: { id: '..' } };
    const broken = { ...GET, headers: { 'x-tenant': 'a\r\nb' } };
    for (let call = 0; call < 3; call++) {
      for (const unsendable of [nameless, broken]) {
        expect(await failureOf(client.send(unsendable))).toBeInstanceOf(TypeError);
        expect(await failureOf(client.stream(unsendable))).toBeInstanceOf(TypeError);
      }
      // Such as headers of a caller that are handed on, those of its connection among them.
      const foreign = { ...GET, headers: { 'keep-alive': '5' } };
      const short = { method: 'POST', path: '/', headers: { 'content-length': 7 }, body: {} };
      for (const unsendable of [foreign, short, { method: 'GET', path: '/a b' }]) {
        const code = expect.stringMatching(/^UND_ERR_/);
        expect(await failureOf(client.send(unsendable))).toMatchObject({ code });
        expect(await failureOf(client.stream(unsendable))).toMatchObject({ code });
      }
    }
    upstream.answer = failing;
    for (let call = 0; call < 3; call++) await failureOf(client.send(GET));
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
    expect(upstream.requests).toBe(13);
  });

  test('a call that was over before says nothing of who would have answered', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { breaker, timeoutMs: 5000 } });
    const over = new HttpCall('request-12', 'GET', '/');
    over.abort(deadlineExceeded());
    for (const ask of [() => client.send(GET), () => client.stream(GET)])
      expect(await failureOf(runInCall(over, ask))).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    expect(upstream.requests).toBe(0);
    expect(await client.send(GET)).toBe('{}');
  });

  test('an attempt that takes too long is cancelled, and made again', async () => {
    const client = clientWith({
      policy: { timeoutMs: 100, retry: { ...retry, codes: ['DEADLINE_EXCEEDED'] } },
    });
    let closed = 0;
    const timeouts: number[] = [];
    upstream.answer = (request, response) => {
      timeouts.push(Number(request.headers['x-request-timeout-ms']));
      request.socket.once('close', () => (closed += 1));
      if (upstream.requests === 2) response.end('"second"');
    };
    expect(await client.send(GET)).toBe('"second"');
    await eventually('the first is cancelled', () => closed >= 1);
    for (const timeout of timeouts) expect(timeout).toBeLessThanOrEqual(100);
  });

  test('one that hangs is made again after a while, and cancelled when the second has its answer', async () => {
    const client = clientWith({ policy: { hedge: { delayMs: 40 } } });
    const closed: number[] = [];
    let requests = 0;
    upstream.answer = (request, response) => {
      const number = (requests += 1);
      request.socket.once('close', () => closed.push(number));
      if (number === 2) response.end('"second"');
    };
    expect(await client.send(GET)).toBe('"second"');
    await eventually('the first is cancelled', () => closed.length === 1);
    expect({ closed, requests: upstream.requests }).toEqual({ closed: [1], requests: 2 });
  });

  test('both of them end with the call', async () => {
    const client = clientWith({ policy: { hedge: { delayMs: 5 } } });
    const call = new HttpCall('request-10', 'GET', '/');
    let closed = 0;
    upstream.answer = (request) => request.socket.once('close', () => (closed += 1));
    const failed = failureOf(runInCall(call, () => client.send(GET)));
    await eventually('both are under way', () => upstream.requests === 2);
    const reason = new Error('the client left');
    call.abort(reason);
    expect(await failed).toBe(reason);
    await eventually('both are cancelled', () => closed === 2);
  });

  test('a dependency that is late gets a tenth more requests, and a burst; those that change something once', async () => {
    const budget = { ratio: 0.1, burst: 3 };
    const client = clientWith({ policy: { hedge: { delayMs: 5, maxAttempts: 3 }, budget } });
    upstream.answer = (_request, response) => setTimeout(() => response.end(), 60);
    const send = (method: string) =>
      Promise.all(Array.from({ length: 50 }, () => client.send({ method, path: '/' })));
    await send('GET');
    expect(upstream.requests).toBeGreaterThan(50);
    expect(upstream.requests).toBeLessThanOrEqual(50 * 1.1 + 3);
    const scrape = await Scrape.of(app);
    const further = (outcome: string) => scrape.sum('retry_attempts_total', { name: client.name, outcome });
    expect(further('made')).toBe(upstream.requests - 50);
    // Each of the 50 calls wanted one.
    expect(further('budget')).toBeGreaterThanOrEqual(50 - further('made'));
    const before = upstream.requests;
    const keyed = { method: 'POST', path: '/', headers: { 'Idempotency-Key': 'k' } };
    const other = clientWith({ policy: { hedge: { delayMs: 5 } } });
    await Promise.all([
      other.send({ method: 'POST', path: '/' }),
      other.send({ method: 'PATCH', path: '/' }),
    ]);
    expect(upstream.requests).toBe(before + 2);
    await other.send(keyed);
    expect(upstream.requests).toBe(before + 4);
  });

  test('a dependency that always fails gets a tenth more calls, and a burst', async () => {
    upstream.answer = failing;
    const client = clientWith({ policy: { retry, budget: { ratio: 0.1, burst: 10 } } });
    const calls = process.env['SOAK'] ? 20_000 : 500;
    for (let sent = 0; sent < calls; sent += 50)
      await Promise.all(Array.from({ length: 50 }, () => failureOf(client.send(GET))));
    process.stdout.write(`HTTP: ${calls} calls, ${upstream.requests} received\n`);
    expect(upstream.requests).toBeGreaterThan(calls);
    expect(upstream.requests).toBeLessThanOrEqual(calls * 1.1 + 10);
  });

  test('a fallback for a code answers what another service refuses with it', async () => {
    upstream.answer = failing;
    const fallback = [{ name: 'empty', codes: ['UNAVAILABLE'] as const, value: 'none' }];
    const client = clientWith({ policy: { fallback } });
    expect(await client.send(GET)).toBe('none');
    upstream.answer = (_request, response) => response.writeHead(404).end();
    expect(await failureOf(client.send(GET))).toMatchObject({ status: 404 });
  });

  test('its own time may be another one for each request', async () => {
    upstream.answer = (_request, response) => setTimeout(() => response.end('"slow"'), 200);
    let timeoutMs = 5000;
    const client = clientWith({ timeoutMs: () => timeoutMs });
    expect(await client.send(GET)).toBe('"slow"');
    timeoutMs = 20;
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'UPSTREAM_TIMEOUT' });
  });

  test('rules come by configuration while it runs', async () => {
    const client = clientWith();
    upstream.answer = failing;
    await failureOf(client.send(GET));
    expect(upstream.requests).toBe(1);
    const { config } = app.service;
    const values = Object.fromEntries(config.describe().map(({ key }) => [key, config.get(key as never)]));
    const RESILIENCE_POLICIES = [{ name: client.name, retry }];
    await config.change({ ...values, RESILIENCE_POLICIES } as never, new Map());
    await failureOf(client.send(GET));
    expect(upstream.requests).toBe(4);
  });
});

describe('streams', () => {
  test('go in and come out as they are made', async () => {
    upstream.answer = (request, response) => request.pipe(response);
    const content = Readable.from(['one ', 'two ', 'three']);
    const { status, body } = await clientWith().stream({ method: 'POST', path: '/', content });
    expect({ status, text: await text(body) }).toEqual({ status: 200, text: 'one two three' });
  });

  test('of content that break off say nothing of who answers, those that are not taken do', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const client = clientWith({ policy: { breaker, timeoutMs: 5000 } });
    upstream.answer = (request, response) => request.resume().on('end', () => response.end('"whole"'));
    const upload = (content: Readable) => client.send({ method: 'POST', path: '/', content });
    const broken = () => Readable.from(breaking());
    for (let time = 0; time < 2; time++) await expect(upload(broken())).rejects.toThrow('no more');
    await expect(client.stream({ method: 'POST', path: '/', content: broken() })).rejects.toThrow('no more');
    // Such as that of another connection.
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    await expect(upload(Readable.from(breaking(reset)))).rejects.toBe(reset);
    expect(await upload(Readable.from(['one']))).toBe('"whole"');
    upstream.answer = (request) => request.socket.destroy();
    expect(await failureOf(upload(endless()))).toMatchObject(unavailable('connection_lost'));
    expect(await failureOf(upload(endless()))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
  });

  test('of content that nobody takes are closed, and do no harm when they break', async () => {
    const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
    const fallback = [{ name: 'nothing', codes: ['UNAVAILABLE'] as const, value: null }];
    const over = new HttpCall('request-13', 'GET', '/');
    over.abort(deadlineExceeded());
    upstream.answer = (_request, response) => response.writeHead(503).end();
    const [client, falling] = [
      clientWith({ policy: { breaker } }),
      clientWith({ policy: { breaker, fallback } }),
    ];
    for (const opened of [client, falling]) await opened.send(GET).catch(() => undefined);
    const asks: ((request: HttpClientRequest) => Promise<unknown>)[] = [
      (request) => client.send(request),
      (request) => falling.send(request),
      (request) => falling.stream(request),
      (request) => runInCall(over, () => clientWith().stream(request)),
      (request) => clientWith().send({ ...request, headers: { 'x-tenant': 'a\r\nb' } }),
    ];
    for (const ask of asks) {
      for (const file of [import.meta.filename, `${import.meta.filename}.none`]) {
        const content = createReadStream(file);
        await ask({ method: 'PUT', path: '/', content }).catch(() => undefined);
        await eventually('it is closed', () => content.closed);
      }
    }
    expect(upstream.requests).toBe(2);
  });

  test('that begin late are slow, although they have not ended', async () => {
    const breaker = { strategy: 'slow-call-ratio', maxAllowedRtMs: 50, minRequestAmount: 2 } as const;
    const client = clientWith({ policy: { breaker } });
    upstream.answer = (_request, response) => setTimeout(() => response.writeHead(200).write('begun'), 80);
    for (let time = 0; time < 2; time++) await client.stream(GET);
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
  });

  test('say nothing to the breaker when their reader leaves them', async () => {
    const breaker = { strategy: 'error-ratio', threshold: 0.5, minRequestAmount: 4 } as const;
    const client = clientWith({ policy: { breaker } });
    upstream.answer = (_request, response) => response.writeHead(200).write('begun');
    for (let time = 0; time < 6; time++) {
      const { body } = await client.stream(GET);
      if (time % 2) for await (const _ of body) break;
      else {
        const page = new PassThrough();
        page.once('data', () => page.destroy());
        await failureOf(pipeline(body, page));
      }
    }
    upstream.answer = (_request, response) => response.writeHead(503).end();
    for (let time = 0; time < 4; time++)
      expect(await failureOf(client.send(GET))).toMatchObject({ status: 503 });
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
  });

  test.each([
    [
      'are cut',
      { 'content-length': '100' },
      (socket: Socket) => socket.destroy(),
      unavailable('connection_lost'),
    ],
    ['are reset', {}, (socket: Socket) => socket.resetAndDestroy(), unavailable('connection_lost')],
    ['are no HTTP', {}, (socket: Socket) => socket.end('what?'), { reason: 'UPSTREAM_ANSWER_MALFORMED' }],
  ])(
    'that %s half-way fail as an answer does, and the breaker counts it',
    async (_how, headers, fail, failure) => {
      const breaker = { strategy: 'error-count', threshold: 1, minRequestAmount: 1 } as const;
      const client = clientWith({ policy: { breaker } });
      upstream.answer = ({ socket }, response) =>
        response.writeHead(200, headers).write('half', () => setTimeout(() => fail(socket), 20));
      const { body } = await client.stream(GET);
      expect(await failureOf(text(body))).toMatchObject(failure);
      expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'CIRCUIT_OPEN' });
    },
  );

  test('have their place in the bulkhead until they end, and outlive the attempt’s time', async () => {
    const client = clientWith({ policy: { timeoutMs: 80, bulkhead: { maxConcurrent: 1 } } });
    const end = Promise.withResolvers<void>();
    upstream.answer = (_request, response) => {
      response.writeHead(200).write('begun ');
      void end.promise.then(() => response.end('done'));
    };
    const { body } = await client.stream(GET);
    await new Promise((resolve) => setTimeout(resolve, 160));
    expect(await failureOf(client.send(GET))).toMatchObject({ reason: 'BULKHEAD_FULL' });
    end.resolve();
    expect(await text(body)).toBe('begun done');
    upstream.answer = (_request, response) => response.end('"free"');
    expect(await client.send(GET)).toBe('"free"');
  });

  test('end with the call, also under a policy', async () => {
    const client = clientWith({ policy: { timeoutMs: 5000 } });
    const call = new HttpCall('request-9', 'GET', '/');
    upstream.answer = (_request, response) => response.writeHead(200).write('begun');
    const { body } = await runInCall(call, () => client.stream(GET));
    const reason = new Error('the client left');
    const failed = failureOf(text(body));
    call.abort(reason);
    expect(await failed).toBe(reason);
  });

  test('end with the call, also where the policies of who opened them are done', async () => {
    const [handler, service] = [createPolicy('handler', { timeoutMs: 5000 }), createPolicy('service', {})];
    const client = clientWith({ policy: { timeoutMs: 5000, totalTimeoutMs: 5000 } });
    const call = new HttpCall('request-11', 'GET', '/');
    upstream.answer = (_request, response) => response.writeHead(200).write('begun');
    const open = () => handler.run(() => service.run(() => client.stream(GET)));
    const [kept, read] = await runInCall(call, async () => [await open(), await open()]);
    read.body.on('error', () => undefined).destroy();
    const reason = new Error('the client left');
    const failed = failureOf(text(kept.body));
    call.abort(reason);
    expect(await failed).toBe(reason);
    await eventually(
      'nothing listens to the call',
      () => getEventListeners(call.signal, 'abort').length === 0,
    );
  });
});

async function* breaking(error = new Error('no more')): AsyncGenerator<string> {
  yield 'one';
  await sleep(20);
  throw error;
}

function endless(): Readable {
  return new Readable({
    read() {
      setTimeout(() => this.push('more'), 5);
    },
  });
}
