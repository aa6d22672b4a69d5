import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, ProbeModule, TestApp } from '../support/index.js';
import { RawConnection } from '../support/raw-connection.js';
import { sendRaw } from '../support/raw-http.js';

const MAX_MESSAGE_BYTES = 64 * 1024;
const GOOD = '{"reason":"echo"}';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ imports: [ProbeModule], config: { MAX_MESSAGE_BYTES } });
});
afterAll(() => app.stop());

interface BadRequest {
  readonly name: string;
  readonly request: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly status: number;
  readonly reason: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };

// prettier-ignore
const BAD_REQUESTS: readonly BadRequest[] = [
  { name: 'an unknown route', request: 'GET /nowhere', status: 404, reason: 'ROUTE_NOT_FOUND' },
  { name: 'an unknown route with a body', request: 'POST /nowhere', headers: JSON_TYPE, body: GOOD, status: 404, reason: 'ROUTE_NOT_FOUND' },
  { name: 'a wrong method', request: 'DELETE /probe', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { name: 'OPTIONS', request: 'OPTIONS /probe', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { name: 'TRACE', request: 'TRACE /probe', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { name: 'a wrong media type', request: 'POST /probe', headers: { 'content-type': 'text/plain' }, body: GOOD, status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'XML', request: 'POST /probe', headers: { 'content-type': 'application/xml' }, body: '<a/>', status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'a form', request: 'POST /probe', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'reason=echo', status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'a body of no type', request: 'POST /probe', body: GOOD, status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'a malformed media type', request: 'POST /probe', headers: { 'content-type': ';;;' }, body: GOOD, status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'a compressed body', request: 'POST /probe', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(GOOD), status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' },
  { name: 'broken JSON', request: 'POST /probe', headers: JSON_TYPE, body: '{"reason":', status: 400, reason: 'MALFORMED_BODY' },
  { name: 'two JSON values', request: 'POST /probe', headers: JSON_TYPE, body: `${GOOD}${GOOD}`, status: 400, reason: 'MALFORMED_BODY' },
  { name: 'an empty body', request: 'POST /probe', headers: JSON_TYPE, body: '', status: 400, reason: 'MALFORMED_BODY' },
  { name: 'no body and no type', request: 'POST /probe', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'JSON null', request: 'POST /probe', headers: JSON_TYPE, body: 'null', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a JSON array', request: 'POST /probe', headers: JSON_TYPE, body: '[]', status: 400, reason: 'VALIDATION_FAILED' },
  { name: '30,000 nested arrays', request: 'POST /probe', headers: JSON_TYPE, body: `${'['.repeat(30_000)}${']'.repeat(30_000)}`, status: 400, reason: 'BODY_TOO_DEEP' },
  { name: '__proto__', request: 'POST /probe', headers: JSON_TYPE, body: '{"reason":"echo","__proto__":{"admin":true}}', status: 400, reason: 'MALFORMED_BODY' },
  { name: 'escaped __proto__', request: 'POST /probe', headers: JSON_TYPE, body: '{"reason":"echo","\\u005f_proto__":{"admin":true}}', status: 400, reason: 'MALFORMED_BODY' },
  { name: 'constructor.prototype', request: 'POST /probe', headers: JSON_TYPE, body: '{"reason":"echo","constructor":{"prototype":{"admin":true}}}', status: 400, reason: 'MALFORMED_BODY' },
  { name: 'invalid UTF-8', request: 'POST /probe', headers: JSON_TYPE, body: Buffer.from('{"reason":"\xff\xfe"}', 'latin1'), status: 400, reason: 'MALFORMED_BODY' },
  { name: 'UTF-16', request: 'POST /probe', headers: JSON_TYPE, body: Buffer.from(GOOD, 'utf16le'), status: 400, reason: 'MALFORMED_BODY' },
  { name: 'a wrong type', request: 'POST /probe', headers: JSON_TYPE, body: '{"reason":1}', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a body over the limit', request: 'POST /probe', headers: JSON_TYPE, body: `"${'x'.repeat(MAX_MESSAGE_BYTES)}"`, status: 413, reason: 'BODY_TOO_LARGE' },
  { name: 'a parameter twice', request: 'GET /probe/query?word=a&word=b', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'an unknown parameter', request: 'GET /probe/query?word=a&wort=b', status: 400, reason: 'VALIDATION_FAILED' },
  { name: '__proto__ as a parameter', request: 'GET /probe/query?word=a&__proto__=b', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a path parameter that is too long', request: `GET /probe/${'x'.repeat(300)}`, status: 414, reason: 'URL_TOO_LONG' },
  { name: 'a broken percent-encoding', request: 'GET /probe/%zz', status: 400, reason: 'MALFORMED_URL' },
  { name: 'percent-encoded invalid UTF-8', request: 'GET /probe/%ff', status: 400, reason: 'MALFORMED_URL' },
  { name: 'an encoded slash and NUL', request: 'GET /probe/a%2f%00', status: 400, reason: 'VALIDATION_FAILED' },
  { name: 'a path that climbs', request: 'GET /probe/../../etc/passwd', status: 404, reason: 'ROUTE_NOT_FOUND' },
];

test.each(BAD_REQUESTS)(
  '$name answers $status $reason',
  async ({ request, headers, body, status, reason }) => {
    const bytes = Buffer.from(body ?? '');
    const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = body === undefined ? '' : `content-length: ${bytes.length}\r\n`;
    const head = `${request} HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}${length}\r\n`;
    expectProblem(await sendRaw(app.http.address, Buffer.concat([Buffer.from(head), bytes])), status, reason);
  },
);

// prettier-ignore
const BROKEN_HTTP = [
  { name: 'headers over the limit', bytes: `GET /probe/echo HTTP/1.1\r\nhost: h\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, status: 431, reason: 'HEADERS_TOO_LARGE' },
  { name: 'a URL over the limit', bytes: `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nhost: h\r\n\r\n`, status: 431, reason: 'HEADERS_TOO_LARGE' },
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'an unknown method', bytes: 'BREW /probe HTTP/1.1\r\nhost: h\r\n\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'a content-length that is no number', bytes: 'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-length: ten\r\n\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'two different content-lengths', bytes: 'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'content-length beside chunked', bytes: 'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'a malformed chunk', bytes: 'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
  { name: 'a header with a NUL', bytes: 'GET /probe/echo HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n', status: 400, reason: 'MALFORMED_REQUEST' },
];

test.each(BROKEN_HTTP)('$name answers $status $reason', async ({ bytes, status, reason }) => {
  expectProblem(await sendRaw(app.http.address, bytes), status, reason);
});

test('405 names the methods that the path takes', async () => {
  const { headers } = await app.http.send('/probe', { method: 'PUT' });
  expect(headers.get('allow')).toBe('POST');
  const { headers: others } = await app.http.send('/probe/echo', { method: 'PUT' });
  expect(others.get('allow')).toBe('GET, HEAD');
});

test.each(['GET', 'POST', 'PUT'])(
  'no route takes %s for an empty parameter: 404, not 405',
  async (method) => {
    const answer = await app.http.send('/probe/', { method });
    expect(answer).toMatchObject({ status: 404, body: { reason: 'ROUTE_NOT_FOUND' } });
  },
);

test('a chunked body over the limit is cut off', async () => {
  const chunk = 'x'.repeat(16 * 1024);
  const body = `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(8);
  const head =
    'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
  expectProblem(await sendRaw(app.http.address, `${head}${body}0\r\n\r\n`), 413, 'BODY_TOO_LARGE');
});

test.each([
  ['the service', () => app.http.address, '/probe'],
  ['its management port', () => app.management.address, '/loggers'],
])(
  'a client of %s that sends a body over the limit to its end reads the answer',
  async (_name, address, path) => {
    const body = 'x'.repeat(8_000_000);
    const connection = await RawConnection.open(address());
    connection.write(
      `PUT ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    connection.pause();
    await connection.send(body);
    connection.resume();
    await connection.closed;
    expect(connection.text).toMatch(/^HTTP\/1.1 413 /);
    expect(connection.text.match(/HTTP\/1.1/g)).toHaveLength(1);
  },
);

test('a client that never ends a body over the limit loses its connection', async () => {
  const connection = await RawConnection.open(app.http.address, { allowHalfOpen: true });
  connection.write(
    'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\nx',
  );
  await eventually('it has its answer', () => connection.text.includes('BODY_TOO_LARGE'));
  await eventually('nobody listens any more', () => {
    connection.write('x');
    return !connection.isOpen;
  });
});

test.each([
  ['over the limit', 413, { length: MAX_MESSAGE_BYTES + 1 }],
  ['of another type', 415, { type: 'text/xml' }],
  ['with a deadline that is none', 400, { more: 'x-request-timeout-ms: soon\r\n' }],
])('a client that asks whether to send a body %s is told no', async (_what, status, asked) => {
  const head = ({ length = GOOD.length, type = 'application/json', more = '' } = {}): string =>
    `POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: ${type}\r\nexpect: 100-continue\r\n${more}content-length: ${length}\r\n\r\n`;
  const refused = await RawConnection.open(app.http.address);
  expect(await refused.ask(head(asked))).toContain(`HTTP/1.1 ${status} `);
  expect(refused.text).not.toContain('100 Continue');
  const taken = await RawConnection.open(app.http.address);
  expect(await taken.ask(head())).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  expect(await taken.ask(GOOD)).toMatch(/^HTTP\/1.1 200 /);
  refused.destroy();
  taken.destroy();
});

test('a body that is cut off half-way harms nobody', async () => {
  const head =
    'POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"rea';
  await sendRaw(app.http.address, head, 200);
  expect((await app.http.post('/probe', { reason: 'echo' })).status).toBe(200);
});

test('a connection outlives a body that was read and cannot be taken, with the calls that wait on it', async () => {
  const post = (body: string): string =>
    `POST /probe HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const connection = await RawConnection.open(app.http.address);
  connection.write(post('{"rea') + post('['.repeat(40_000)) + post(GOOD) + post(GOOD));
  const statuses = (): string[] => connection.text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];
  await eventually('all have their answer', () => statuses().length === 4);
  expect(statuses()).toEqual(['400', '400', '200', '200']);
  expect(connection.isOpen).toBe(true);
  connection.destroy();
});

test('nothing of the prototype was touched, and the answer names the key', async () => {
  const body = '{"reason":"echo","__proto__":{"admin":true}}';
  const answer = await app.http.send('/probe', { method: 'POST', headers: JSON_TYPE, body });
  expect(answer.body.detail).toContain('"__proto__"');
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

function expectProblem(
  { status, head, body }: { status: number; head: string; body: string },
  wanted: number,
  reason: string,
): void {
  expect(`${status} ${head}`).toMatch(new RegExp(`^${wanted} `));
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  expect(head).toMatch(/x-request-id: \S+/i);
  const problem = JSON.parse(body) as { status: number; reason: string; code: string; detail: string };
  expect(problem).toMatchObject({ status: wanted, reason });
  expect(problem.detail.length).toBeGreaterThan(5);
}
