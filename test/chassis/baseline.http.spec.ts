import { Controller, Get, Header, Headers, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import helmet from 'helmet';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { beginFault, endFaults } from '../support/faulty.js';
import { TestAuthority } from '../support/certificates.js';
import { eventually, ProbeModule, ProbeService, TestApp } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { RawConnection } from '../support/raw-connection.js';
import { sendRaw } from '../support/raw-http.js';
import { Scrape } from '../support/scrape.js';
import { TlsFiles } from '../support/tls-files.js';
import type { TlsTestOptions } from '../support/tls-test-client.js';

const ROOT = new URL('../../', import.meta.url);
/** More than the system's buffers take on a connection. */
const LARGE_BYTES = 24 * 1024 * 1024;
const OWN_POLICY = "default-src 'self'";

@Controller('seen')
class SeenController {
  @Get()
  seen(@Headers() headers: object): object {
    return headers;
  }

  @Get('page')
  @Header('content-security-policy', OWN_POLICY)
  page(): string {
    return '<p>page</p>';
  }
}

@Module({ imports: [ProbeModule], controllers: [SeenController] })
class SeenModule {}

/** Lets nobody in: what is answered nevertheless is answered before the guards. */
@Module({ providers: [{ provide: APP_GUARD, useValue: { canActivate: () => false } }] })
class ClosedModule {}

let DATABASE_URL: string;
let app: TestApp;
const start = (
  config: Record<string, unknown> = {},
  more: (typeof ClosedModule)[] = [],
  tls?: TlsTestOptions,
) =>
  TestApp.start({
    service: { module: ProbeModule, root: ROOT },
    imports: [SeenModule, ...more],
    config: { DATABASE_URL, ...config },
    ...(tls && { tls }),
  });
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

interface Hostile {
  readonly name: string;
  /** Request line and headers without their last empty line, unless `bytes` says all. */
  readonly head?: string;
  readonly body?: string;
  readonly bytes?: string;
  readonly status: number;
  readonly reason?: string;
}

const HOST = '\r\nhost: test';
const GOOD = '{"reason":"echo"}';
/** Brackets in strings nest nothing, and an escaped quote ends no string. */
const BRACKETS = JSON.stringify({ reason: 'echo', domain: `"${'[{'.repeat(100)}` });
const POST = `POST /probe HTTP/1.1${HOST}\r\ncontent-type: application/json`;
const CHUNKED = `${POST}\r\ntransfer-encoding: chunked`;
const GET = `GET /probe/echo HTTP/1.1${HOST}`;
const MALFORMED = { status: 400, reason: 'MALFORMED_REQUEST' };
const NOWHERE = { status: 404, reason: 'ROUTE_NOT_FOUND' };
const many = (count: number, of: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => of(index)).join('');

// prettier-ignore
const HOSTILE: readonly Hostile[] = [
  { name: 'smuggling: content-length beside chunked', head: `${POST}\r\ncontent-length: 4\r\ntransfer-encoding: chunked`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: chunked, then another coding', head: `${CHUNKED}\r\ntransfer-encoding: identity`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: an unknown coding', head: `${POST}\r\ntransfer-encoding: xchunked`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: another coding before chunked', head: `${POST}\r\ntransfer-encoding: gzip, chunked`, body: `11\r\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'smuggling: a folded transfer-encoding', head: `${POST}\r\ntransfer-encoding:\r\n chunked`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: a space before the colon', head: `${POST}\r\ntransfer-encoding : chunked`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: a vertical tab before the coding', head: `${POST}\r\ntransfer-encoding: \x0bchunked`, body: '0\r\n\r\n', ...MALFORMED },
  { name: 'smuggling: chunked on HTTP/1.0', head: CHUNKED.replace('1.1', '1.0'), body: `11\r\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'smuggling: two equal content-lengths', head: `${POST}\r\ncontent-length: 17\r\ncontent-length: 17`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a list of content-lengths', head: `${POST}\r\ncontent-length: 17, 17`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a signed content-length', head: `${POST}\r\ncontent-length: +17`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a negative content-length', head: `${POST}\r\ncontent-length: -1`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a hexadecimal content-length', head: `${POST}\r\ncontent-length: 0x11`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a content-length beyond 64 bits', head: `${POST}\r\ncontent-length: 99999999999999999999`, body: GOOD, ...MALFORMED },
  { name: 'smuggling: a line feed in a chunk extension', head: CHUNKED, body: `11;a\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'smuggling: a huge chunk extension', head: CHUNKED, body: `11;${'a'.repeat(20_000)}\r\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'smuggling: a negative chunk', head: CHUNKED, body: `-11\r\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'smuggling: a chunk beyond 64 bits', head: CHUNKED, body: `fffffffffffffffff\r\n${GOOD}\r\n0\r\n\r\n`, ...MALFORMED },
  { name: 'bare line feeds', bytes: `${GET}\r\n\r\n`.replaceAll('\r\n', '\n'), ...MALFORMED },
  { name: 'a bare line feed between headers', bytes: `GET /probe/echo HTTP/1.1\r\nhost: test\nx: y\r\n\r\n`, ...MALFORMED },
  { name: 'a bare carriage return in a header', head: `${GET}\r\nx: a\rset-cookie: b`, ...MALFORMED },
  { name: 'a folded header', head: `${GET}\r\nx: a\r\n b`, ...MALFORMED },
  { name: 'a header without a name', head: `${GET}\r\n: x`, ...MALFORMED },
  { name: 'a space in a header name', head: `${GET}\r\nx y: z`, ...MALFORMED },
  { name: 'a header without a colon', head: `${GET}\r\nxyz`, ...MALFORMED },
  { name: 'no Host', head: 'GET /probe/echo HTTP/1.1', ...MALFORMED },
  { name: 'an empty Host', head: 'GET /probe/echo HTTP/1.1\r\nhost:', ...MALFORMED },
  { name: 'two Hosts', head: `${GET}\r\nHost: evil.example`, ...MALFORMED },
  { name: 'a Host with userinfo', head: 'GET /probe/echo HTTP/1.1\r\nhost: test@evil.example', ...MALFORMED },
  { name: 'a list of Hosts', head: 'GET /probe/echo HTTP/1.1\r\nhost: test, evil.example', ...MALFORMED },
  { name: 'a Host with a path', head: 'GET /probe/echo HTTP/1.1\r\nhost: test/evil', ...MALFORMED },
  { name: 'a Host with a port beyond all', head: 'GET /probe/echo HTTP/1.1\r\nhost: test:99999999', ...MALFORMED },
  { name: 'a URL of another host', head: `GET http://evil.example/probe/echo HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a URL with userinfo', head: `GET http://test@evil.example/probe/echo HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a URL of another scheme', head: `GET ftp://test/probe/echo HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'two authorizations', head: `${GET}\r\nauthorization: Bearer a\r\nauthorization: Bearer b`, ...MALFORMED },
  { name: 'two content types', head: `${POST}\r\ncontent-type: text/plain\r\ncontent-length: 17`, body: GOOD, ...MALFORMED },
  { name: 'a fragment', head: `GET /probe/echo#x HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a fragment without Host', head: 'GET /probe/echo#x HTTP/1.0', ...MALFORMED },
  { name: 'a URL of another scheme without Host', head: 'GET ftp://test/probe/echo HTTP/1.0', ...MALFORMED },
  { name: 'a NUL in the path', head: `GET /probe/echo\0 HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a space in the path', head: `GET /probe/e cho HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'bytes beyond ASCII in the path', head: `GET /probe/\xff HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a path that does not begin', head: `GET probe/echo HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'overlong UTF-8 in the path', head: `GET /probe/%c0%ae%c0%ae HTTP/1.1${HOST}`, status: 400, reason: 'MALFORMED_URL' },
  { name: 'an encoded NUL', head: `GET /probe/echo%00 HTTP/1.1${HOST}`, status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a path parameter behind a semicolon', head: `GET /probe/echo;admin=1 HTTP/1.1${HOST}`, status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a double slash', head: `GET //probe/echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'a double slash within', head: `GET /probe//echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'a dot', head: `GET /./probe/echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'two dots', head: `GET /x/../probe/echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'two encoded dots', head: `GET /x/%2e%2e/probe/echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'an encoded slash', head: `GET /probe%2fecho HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'a backslash', head: `GET /probe\\echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'another case', head: `GET /PROBE/echo HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'a star', head: `OPTIONS * HTTP/1.1${HOST}`, ...NOWHERE },
  { name: 'TRACE', head: `TRACE /probe/echo HTTP/1.1${HOST}`, status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { name: 'CONNECT', head: `CONNECT evil.example:443 HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'a lower-case method', head: `get /probe/echo HTTP/1.1${HOST}`, ...MALFORMED },
  { name: 'HTTP/0.9', bytes: 'GET /probe/echo\r\n\r\n', ...MALFORMED },
  { name: 'HTTP/1.2', head: `GET /probe/echo HTTP/1.2${HOST}`, ...MALFORMED },
  { name: 'HTTP/2.0 as text', head: `GET /probe/echo HTTP/2.0${HOST}`, ...MALFORMED },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...MALFORMED },
  { name: 'a long URL', head: `GET /probe/query?word=${'a'.repeat(9000)} HTTP/1.1${HOST}`, status: 414, reason: 'URL_TOO_LONG' },
  { name: 'many parameters', head: `GET /probe/query?word=a${'&a=b'.repeat(100)} HTTP/1.1${HOST}`, status: 400, reason: 'TOO_MANY_PARAMETERS' },
  { name: 'many headers', head: `${GET}${many(100, (index) => `\r\nx${index}: y`)}`, status: 431, reason: 'TOO_MANY_HEADERS' },
  { name: 'deep JSON', head: `${POST}\r\ncontent-length: 2000`, body: `${'[{"a":'.repeat(40)}1${' '.repeat(1759)}`, status: 400, reason: 'BODY_TOO_DEEP' },
  { name: 'multipart', head: `${POST.replace('application/json', 'multipart/form-data; boundary=x')}\r\ncontent-length: 3`, body: '--x', status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'a form', head: `${POST.replace('application/json', 'application/x-www-form-urlencoded')}\r\ncontent-length: 11`, body: 'reason=echo', status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
];

test.each(HOSTILE)('$name answers $status $reason', async ({ head, body = '', bytes, status, reason }) => {
  const run = vi.spyOn(app.get(ProbeService), 'run');
  const answer = await sendRaw(app.http.address, Buffer.from(bytes ?? `${head}\r\n\r\n${body}`, 'latin1'));
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    status,
    expect.objectContaining({ status, reason, detail: expect.stringMatching(/.{10}/) }),
  ]);
  expect(answer.head).toMatch(/^x-content-type-options: nosniff\r?$/im);
  expect(run).not.toHaveBeenCalled();
  run.mockRestore();
  expect((await app.http.get('/probe/echo')).status).toBe(200);
});

describe('CONNECT', () => {
  const CONNECT = `CONNECT evil.example:443 HTTP/1.1${HOST}\r\n\r\n`;

  test('whose client resets the connection harms nobody', async () => {
    const faults: unknown[] = [];
    const note = (fault: unknown): unknown => faults.push(fault);
    process.prependListener('uncaughtExceptionMonitor', note);
    for (let client = 0; client < 20; client++) {
      const connection = await RawConnection.open(app.http.address);
      if (client % 2) await connection.ask(CONNECT);
      else connection.write(CONNECT);
      connection.reset();
      await connection.closed;
    }
    expect((await app.http.get('/probe/echo')).status).toBe(200);
    expect(faults).toEqual([]);
    process.off('uncaughtExceptionMonitor', note);
  });

  test('whose client leaves its side open loses the connection', async () => {
    const connection = await RawConnection.open(app.http.address, { allowHalfOpen: true });
    expect(await connection.ask(CONNECT)).toMatch(/^HTTP\/1\.1 400/);
    await eventually('nobody reads what it still sends', () => {
      connection.write('x');
      return !connection.isOpen;
    });
  });
});

// prettier-ignore
test.each([
  ['a chunk extension', `${CHUNKED}\r\n\r\n11;a=b\r\n${GOOD}\r\n0\r\n\r\n`],
  ['a Host in a trailer', `${CHUNKED}\r\n\r\n11\r\n${GOOD}\r\n0\r\nhost: evil.example\r\n\r\n`],
  ['the URL of its own host', `GET http://test/probe/echo HTTP/1.1${HOST}\r\n\r\n`],
  ['an upgrade to h2c, which is not taken', `${GET}\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`],
  ['an upgrade to a WebSocket, which is not taken', `${GET}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`],
  ['HTTP/1.0 without a Host', 'GET /probe/echo HTTP/1.0\r\n\r\n'],
  ['brackets within strings', `${POST}\r\ncontent-length: ${BRACKETS.length}\r\n\r\n${BRACKETS}`],
])('%s is no fault', async (_name, bytes) => {
  expect(await sendRaw(app.http.address, bytes)).toMatchObject({ status: 200, body: expect.stringContaining('"echo"') });
});

test('what follows a refused request on its connection is not read', async () => {
  const smuggled = `GET /seen HTTP/1.1${HOST}\r\n\r\n`;
  const connection = await RawConnection.open(app.http.address);
  connection.write(`${GET}\r\nhost: evil.example\r\n\r\n${smuggled}`);
  await connection.closed;
  expect(connection.text.match(/HTTP\/1\.1 \d+/g)).not.toContain('HTTP/1.1 200');
  expect(connection.text).toMatch(/connection: close/i);
});

describe('headers that are not the caller’s to set', () => {
  const FORGED = {
    forwarded: 'for=192.0.2.1',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    'x-real-ip': '192.0.2.1',
    'x-forwarded-client-cert': 'Subject="CN=admin"',
    'x-original-url': '/admin',
    'x-rewrite-url': '/admin',
    'x-http-method-override': 'DELETE',
    'proxy-connection': 'close',
  };

  test('reach no handler', async () => {
    const { body } = await app.http.get('/seen', { ...FORGED, 'x-mine': 'stays' });
    expect(Object.keys(body)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/forwarded|^x-real|^x-orig|^x-rew|override|^proxy/)]),
    );
    expect(body).toMatchObject({ 'x-mine': 'stays' });
  });

  test('do so from a trusted proxy, but for those that override the request', async () => {
    await withApp({ TRUSTED_PROXIES: 'loopback' }, async ({ http }) => {
      const { body } = await http.get('/seen', FORGED);
      expect(
        Object.keys(body)
          .filter((name) => name in FORGED)
          .toSorted(),
      ).toEqual([
        'forwarded',
        'x-forwarded-client-cert',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-real-ip',
      ]);
    });
  });

  test('are those that Connection names, but not what frames the message', async () => {
    const { body } = await sendRaw(
      app.http.address,
      `GET /seen HTTP/1.1${HOST}\r\nconnection: close, X-Hop, Host\r\nx-hop: 1\r\nx-end: 2\r\n\r\n`,
    );
    expect(JSON.parse(body)).toMatchObject({ host: 'test', 'x-end': '2' });
    expect(JSON.parse(body)).not.toHaveProperty('x-hop');
  });

  test('do not break a line of the answer', async () => {
    const { status, head } = await sendRaw(
      app.http.address,
      `${GET}\r\nx-request-id: a%0d%0aset-cookie: b\r\n\r\n`,
    );
    expect([status, /^set-cookie/im.test(head)]).toEqual([200, false]);
  });
});

/** What helmet sets by default, over a socket. */
async function helmetsOwn(): Promise<string[]> {
  const protect = helmet();
  const server = createServer((request, response) => protect(request, response, () => response.end()));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { headers } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  return [...headers.keys()].filter(
    (name) => !['connection', 'content-length', 'date', 'keep-alive'].includes(name),
  );
}

describe('security headers', () => {
  test.each([
    ['200', '/probe/echo', {}],
    ['404', '/nowhere', {}],
    ['405', '/probe/echo', { method: 'PUT' }],
    ['415', '/probe', { method: 'POST', body: 'text' }],
    [
      '413',
      '/probe',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(5_000_000)}"` },
    ],
    ['500', '/probe/fail', {}],
    ['400', '/probe/%zz', {}],
  ])('are all of helmet on a %s, but for the one of https', async (status, path, init) => {
    const answer = await app.http.send(path, init);
    expect(answer.status).toBe(Number(status));
    const expected = (await helmetsOwn()).filter((name) => name !== 'strict-transport-security');
    expect(expected.length).toBeGreaterThan(8);
    expect([...answer.headers.keys()]).toEqual(expect.arrayContaining(expected));
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.has('strict-transport-security')).toBe(false);
    expect(answer.headers.has('x-powered-by')).toBe(false);
  });

  test('are the same on the management port', async () => {
    const { headers } = await app.management.get('/livez');
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
  });

  test('give way to what a handler sets itself, once', async () => {
    const { headers } = await app.http.get('/seen/page');
    expect(headers.get('content-security-policy')).toBe(OWN_POLICY);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('tell browsers to stay with https where a trusted proxy says that it is', async () => {
    await withApp({ TRUSTED_PROXIES: '127.0.0.0/8', HSTS_MAX_AGE_S: 1000 }, async ({ http }) => {
      const hsts = async (proto: string) =>
        (await http.get('/probe/echo', { 'x-forwarded-proto': proto })).headers.get(
          'strict-transport-security',
        );
      expect(await hsts('https')).toBe('max-age=1000');
      expect(await hsts('http, https')).toBe('max-age=1000');
      expect(await hsts('https, http')).toBe(null);
    });
    const forged = await app.http.get('/probe/echo', { 'x-forwarded-proto': 'https' });
    expect(forged.headers.has('strict-transport-security')).toBe(false);
  });

  test('can be left to a proxy', async () => {
    await withApp({ SECURITY_HEADERS_ENABLED: 'false' }, async ({ http }) => {
      const { headers } = await http.get('/probe/echo');
      expect(headers.has('content-security-policy')).toBe(false);
    });
  });

  test('let the documentation page load what it has, and no script of others', async () => {
    const { status, headers, body } = await app.http.get('/docs');
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self'; .*connect-src 'self'/);
    expect(policy.split('; ').find((part) => part.startsWith('script-src'))).not.toContain('unsafe');
    const scripts = [...String(body).matchAll(/<script([^>]*)>([^<]*)</g)];
    expect(scripts.length).toBeGreaterThan(2);
    for (const [, attributes = '', inside = ''] of scripts) {
      const source = /src="\.\/([^"]+)"/.exec(attributes)?.[1];
      expect([inside.trim(), (await app.http.get(`/${source}`)).status]).toEqual(['', 200]);
    }
    expect(String(body)).not.toMatch(/\son\w+=/);
  });
});

describe('CORS', () => {
  const OURS = 'https://app.example.org';
  const preflight = (of: TestApp, origin: string, path = '/probe') =>
    of.http.send(path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
  const granted = ({ headers }: { headers: Headers }) =>
    [...headers.keys()].filter((name) => name.startsWith('access-control-'));

  test('is closed by default', async () => {
    const answer = await preflight(app, OURS);
    expect([answer.status, granted(answer)]).toEqual([405, []]);
    expect(granted(await app.http.get('/probe/echo', { origin: OURS }))).toEqual([]);
  });

  describe.each(['HTTP/1.1', 'HTTP/2 over TLS'])('with an origin, over %s', (protocol) => {
    let authority: TestAuthority;
    let files: TlsFiles;
    let open: TestApp;
    beforeAll(async () => {
      authority = await TestAuthority.create();
      files = TlsFiles.with(await authority.issue({ name: 'service' }));
      const cors = { CORS_ORIGINS: `${OURS}, http://localhost:5173`, CORS_CREDENTIALS: 'true' };
      open =
        protocol === 'HTTP/1.1'
          ? await start(cors, [ClosedModule])
          : await start({ ...cors, ...files.config }, [ClosedModule], {
              ca: authority.certificate,
              version: 'h2',
            });
    });
    afterAll(async () => {
      await open.stop();
      files.remove();
      authority.remove();
    });

    test('answers its preflight before any guard', async () => {
      const answer = await preflight(open, OURS);
      expect(answer.status).toBe(204);
      expect(
        Object.fromEntries(granted(answer).map((name) => [name, answer.headers.get(name)])),
      ).toMatchObject({
        'access-control-allow-origin': OURS,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': expect.stringContaining('DELETE'),
        'access-control-allow-headers': expect.stringContaining('authorization'),
        'access-control-max-age': '600',
      });
      expect(answer.headers.get('vary')).toMatch(/origin/i);
    });

    test('lets it read the answer, also a refusal', async () => {
      const answer = await open.http.get('/probe/echo', { origin: OURS });
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, OURS]);
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id');
    });

    test.each([
      ['a deadline', '/probe/echo', { 'x-request-timeout-ms': 'soon' }, 'MALFORMED_DEADLINE'],
      ['a path', '/probe/%zz', {}, 'MALFORMED_URL'],
      ['a query', `/probe/echo?${'a&'.repeat(200)}`, {}, 'TOO_MANY_PARAMETERS'],
      ['a path that no route has', '/nowhere', {}, 'ROUTE_NOT_FOUND'],
    ])('lets it read what was refused before any guard: %s', async (_what, path, headers, reason) => {
      const answer = await open.http.get(path, { origin: OURS, ...headers });
      expect(answer.body.reason).toBe(reason);
      expect(answer.headers.get('access-control-allow-origin')).toBe(OURS);
      expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after');
      const foreign = await open.http.get(path, { origin: 'https://evil.example', ...headers });
      expect([foreign.body.reason, granted(foreign)]).toEqual([reason, []]);
    });

    test('lets it read a call that failed on purpose', async () => {
      await beginFault(open, { kind: 'abort', code: 'UNAVAILABLE', routes: ['*'] });
      const answer = await open.http.get('/probe/echo', { origin: OURS });
      expect([answer.body.reason, answer.headers.get('access-control-allow-origin')]).toEqual([
        'FAULT_INJECTED',
        OURS,
      ]);
      expect((await preflight(open, OURS)).status).toBe(204);
      await endFaults(open);
    });

    test('answers no preflight that is refused itself', async () => {
      const answer = await open.http.send('/probe', {
        method: 'OPTIONS',
        headers: { origin: OURS, 'access-control-request-method': 'GET', 'x-request-timeout-ms': 'soon' },
      });
      expect([answer.status, granted(answer)]).toEqual([400, []]);
    });

    test.each([
      ['another', 'https://evil.example'],
      ['one that begins alike', `${OURS}.evil.example`],
      ['another scheme', OURS.replace('https', 'http')],
      ['another port', `${OURS}:8443`],
      ['a file or a sandbox', 'null'],
    ])('tells %s nothing', async (_name, origin) => {
      const answer = await preflight(open, origin);
      expect([answer.status, granted(answer)]).toEqual([405, []]);
      expect(granted(await open.http.get('/probe/echo', { origin }))).toEqual([]);
    });

    test('keeps an unknown path unknown', async () => {
      expect((await open.http.get('/nowhere', { origin: OURS })).body.reason).toBe('ROUTE_NOT_FOUND');
      expect((await open.http.send('/probe/echo', { method: 'DELETE' })).headers.get('allow')).toBe(
        'GET, HEAD',
      );
    });
  });

  test('may be open for every origin, but not with credentials', async () => {
    await withApp({ CORS_ORIGINS: '*' }, async (other) => {
      expect((await preflight(other, OURS)).headers.get('access-control-allow-origin')).toBe('*');
    });
    await expect(start({ CORS_ORIGINS: '*', CORS_CREDENTIALS: 'true' })).rejects.toThrow(/CORS_CREDENTIALS/);
  });

  test.each([
    'https://app.example.org/',
    'app.example.org',
    'https://*.example.org/x',
    'ftp://x',
    '*, https://x.org',
  ])('refuses the origin %s at start', async (origins) => {
    await expect(start({ CORS_ORIGINS: origins })).rejects.toThrow(/CORS_ORIGINS/);
  });
});

describe('a connection', () => {
  const WAIT = `GET /probe/wait HTTP/1.1${HOST}\r\n\r\n`;

  test('has a bounded number of requests that wait', async () => {
    await withApp({ HTTP_MAX_PIPELINED: 3, MAX_DEADLINE_MS: 700 }, async ({ http }) => {
      const connection = await RawConnection.open(http.address);
      connection.write(WAIT.repeat(3) + `${GET}\r\n\r\n`.repeat(50));
      await connection.closed;
      const statuses = connection.text.match(/(?<=HTTP\/1\.1 )\d+/g);
      expect(statuses?.slice(0, 4)).toEqual(['504', '504', '504', '429']);
      expect(statuses).not.toContain('200');
      expect(connection.text).toContain('TOO_MANY_PIPELINED');
      expect((await http.get('/probe/echo')).status).toBe(200);
    });
  });

  test('may be used for one request after the other for ever', async () => {
    const connection = await RawConnection.open(app.http.address);
    for (let call = 0; call < 40; call++)
      expect(await connection.ask(`${GET}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200/);
    connection.destroy();
  });

  test.each([
    ['HTTP_MAX_CONNECTIONS', 'max'],
    ['MAX_CONNECTIONS_PER_IP', 'max_per_ip'],
  ])('beyond %s is closed and counted', async (key, reason) => {
    await withApp({ [key]: 2 }, async (other) => {
      const first = await RawConnection.open(other.http.address);
      const second = await RawConnection.open(other.http.address);
      await second.ask(`${GET}\r\n\r\n`);
      const third = await RawConnection.open(other.http.address);
      await third.closed;
      expect(third.text).toBe('');
      expect(await first.ask(`${GET}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200/);
      expect((await Scrape.of(other)).sum('connections_refused_total', { transport: 'http', reason })).toBe(
        1,
      );
      first.destroy();
      await eventually('there is room again', async () => {
        const next = await RawConnection.open(other.http.address);
        next.write(`${GET}\r\n\r\n`);
        await Promise.race([next.closed, sleep(100)]);
        const isServed = next.text.startsWith('HTTP/1.1 200');
        next.destroy();
        return isServed;
      });
      second.destroy();
    });
  });

  test('whose client does not read its answer is closed', { timeout: 180_000 }, async () => {
    const limits = { MAX_DEADLINE_MS: 5000, HTTP_STALLED_TIMEOUT_MS: 6000 };
    await withApp({ ...limits, MAX_MESSAGE_BYTES: LARGE_BYTES * 2 }, async (other) => {
      const { port } = new URL(other.http.url);
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {
        // A reset is a close, too.
      });
      const body = JSON.stringify({ reason: 'echo', domain: 'x'.repeat(LARGE_BYTES) });
      socket.pause();
      socket.write(`${POST}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      const active = async () => (await Scrape.of(other)).sum('http_server_active_requests');
      await eventually('the call is there', async () => (await active()) === 1);
      await eventually('it is given up', async () => (await active()) === 0, 30_000);
      const calls = (await Scrape.of(other)).find('http_server_request_duration_seconds_count', {
        http_route: '/probe',
      });
      expect(calls.map(({ labels }) => labels['http_response_status_code'])).toEqual(['499']);
      socket.destroy();
    });
  });

  test('whose client reads slowly, but goes on, is served', { timeout: 60_000 }, async () => {
    const limits = { MAX_DEADLINE_MS: 500, HTTP_STALLED_TIMEOUT_MS: 1500 };
    await withApp({ ...limits, MAX_MESSAGE_BYTES: LARGE_BYTES * 2 }, async (other) => {
      const { port } = new URL(other.http.url);
      const socket = connect(Number(port), '127.0.0.1').pause();
      const domain = 'x'.repeat(LARGE_BYTES);
      const body = JSON.stringify({ reason: 'echo', domain });
      socket.write(`${POST}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      const pieces: Buffer[] = [];
      const begun = performance.now();
      let bytes = 0;
      while (bytes < LARGE_BYTES) {
        // So that it takes three times what a client may take that does not read at all.
        const due = (bytes / LARGE_BYTES) * 3 * limits.HTTP_STALLED_TIMEOUT_MS;
        await sleep(Math.max(5, due - (performance.now() - begun)));
        const piece = socket.read() as Buffer | null;
        expect(socket.readable).toBe(true);
        if (!piece) continue;
        pieces.push(piece);
        bytes += piece.length;
      }
      expect(performance.now() - begun).toBeGreaterThan(2 * limits.HTTP_STALLED_TIMEOUT_MS);
      expect(Buffer.concat(pieces).includes(domain)).toBe(true);
      socket.destroy();
    });
  });
});

describe('the management port', () => {
  const change = (headers: Record<string, string>) =>
    sendRaw(
      app.management.address,
      `PUT /loggers HTTP/1.1\r\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}content-type: application/json\r\ncontent-length: 14\r\n\r\n{"level":null}`,
    );

  // prettier-ignore
  test.each([
    ['a page of another site', { host: 'localhost', origin: 'https://evil.example' }],
    ['a page of another port', { host: '127.0.0.1:9464', origin: 'http://127.0.0.1:8080' }],
    ['a sandboxed page', { host: 'localhost', origin: 'null' }],
    ['a name that leads here (DNS rebinding)', { host: 'evil.example:9464', origin: 'http://evil.example:9464' }],
    ['a name that leads here, without an origin', { host: 'evil.example' }],
  ])('takes no change from %s', async (_name, headers) => {
    const { status, body } = await change(headers);
    expect([status, JSON.parse(body).reason]).toEqual([403, 'FOREIGN_ORIGIN']);
  });

  test.each([
    ['this machine', { host: '127.0.0.1' }],
    ['this machine by its name', { host: 'localhost:9464' }],
    ['a page of its own', { host: 'localhost:9464', origin: 'http://localhost:9464' }],
  ])('takes a change from %s', async (_name, headers) => {
    expect((await change(headers)).status).toBe(200);
  });

  test('has no CORS, takes small bodies, and needs a Host', async () => {
    await withApp({ CORS_ORIGINS: 'https://app.example.org' }, async ({ management }) => {
      const { headers } = await management.get('/info', { origin: 'https://app.example.org' });
      expect(headers.has('access-control-allow-origin')).toBe(false);
    });
    const large = await app.management.send('/loggers', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: `"${'x'.repeat(70_000)}"`,
    });
    expect([large.status, large.body.reason]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(await sendRaw(app.management.address, 'GET /info HTTP/1.1\r\n\r\n')).toMatchObject({
      status: 400,
      body: expect.stringContaining('MALFORMED_REQUEST'),
    });
  });
});
