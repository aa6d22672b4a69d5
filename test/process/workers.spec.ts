import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { sendRaw } from '../support/raw-http.js';
import { startProcess } from '../support/service-process.js';

const program = join(import.meta.dirname, 'fixtures/here-service.ts');
/** The first test of a run may have to build, too. */
const TEST_MS = 300_000;

let service: Awaited<ReturnType<typeof startProcess>>;
beforeAll(async () => {
  // Nobody listens there: a dependency that is not critical is down, which shows and no more.
  service = await startProcess({
    program,
    env: { WORKERS: '2', REDIS_URL: 'redis://127.0.0.1:1', HTTP_HEADERS_TIMEOUT_MS: '500' },
  });
  await service.ready();
}, TEST_MS);
afterAll(() => service.stop('SIGKILL'));

test('a client whose headers do not come has the time that it has on every port', async () => {
  const slow = await sendRaw(service.management.address, 'GET /readyz HTTP/1.1\r\nx-slow: ', 10_000);
  expect(slow.status).toBe(408);
});

test('the management port takes a thousand connections', async () => {
  const port = Number(service.management.address.split(':')[1]);
  const crowd = Array.from({ length: 1001 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  const isAnswered = await Promise.all(
    crowd.map((socket) => {
      socket.write('GET /startupz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return new Promise<boolean>((resolve) => {
        socket.once('data', () => resolve(true)).once('close', () => resolve(false));
      });
    }),
  );
  expect(isAnswered).toContain(true);
  expect(isAnswered).toContain(false);
  for (const socket of crowd) socket.destroy();
});

test('a body that is far too large for the management port is told so', async () => {
  const answer = await service.management.post('/loggers', { level: 'x'.repeat(3_000_000) });
  expect(answer).toMatchObject({ status: 413, body: { reason: 'BODY_TOO_LARGE' } });
});

test.each([
  ['no Host', 'GET /metrics HTTP/1.1\r\n\r\n', 'MALFORMED_REQUEST'],
  ['two of them', 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'MALFORMED_REQUEST'],
  ['a fragment', 'GET /livez#x HTTP/1.1\r\nHost: a\r\n\r\n', 'MALFORMED_REQUEST'],
  ['another host', 'GET http://b/livez HTTP/1.1\r\nHost: a\r\n\r\n', 'MALFORMED_REQUEST'],
  ['a broken path', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', 'MALFORMED_URL'],
])('a request of the management port with %s is told so', async (_name, bytes, reason) => {
  const { status, head, body } = await sendRaw(service.management.address, bytes);
  expect(status).toBe(400);
  expect(head).toContain('application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ reason });
});

test.each(['/live%7A', 'http://localhost/livez'])('%s is a path of all workers', async (target) => {
  const bytes = `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const { body } = await sendRaw(service.management.address, bytes);
  expect(JSON.parse(body)).toMatchObject({ details: { workers: { ready: 2 } } });
});

test('one worker that is blocked holds up no probe', async () => {
  const { management } = service;
  expect(await management.get('/readyz')).toMatchObject({ status: 200, body: { status: 'degraded' } });
  const blocked = service.lines.find(({ msg }) => msg === 'worker ready');
  const pid = Number(blocked?.['pid']);
  process.kill(pid, 'SIGSTOP');
  using _ = { [Symbol.dispose]: () => process.kill(pid, 'SIGCONT') };
  // A scrape waits for every worker until it is given up; who is probed meanwhile answers before it.
  const scrape = management.get('/metrics').then(() => 'the scrape');
  for (const path of ['/livez', '/readyz']) {
    const probe = management.get(path).then(({ status }) => status);
    expect(await Promise.race([scrape, probe]), path).toBe(200);
  }
  expect(await scrape).toBe('the scrape');
});

test.each(['/%64rain', 'http://localhost/drain'])('POST %s ends the whole service', async (target) => {
  await using another = await startProcess({ program, env: { WORKERS: '2' } });
  await another.ready();
  const bytes = `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`;
  expect(await sendRaw(another.management.address, bytes)).toMatchObject({ status: 202 });
  expect(await another.exit).toBe(0);
  expect(another.lines).toContainEqual(
    expect.objectContaining({ msg: 'shutting down', cause: 'POST /drain' }),
  );
});

test('a primary that is killed takes its workers with it', async () => {
  const pids = service.lines.filter(({ msg }) => msg === 'worker ready').map(({ pid }) => Number(pid));
  expect(pids.map(exists)).toEqual([true, true]);
  service.signal('SIGKILL');
  await eventually('no worker is left', () => !pids.some(exists));
});

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
