import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { eventually } from '../support/index.js';
import type { HttpAnswer } from '../support/http-test-client.js';
import { checkWithPromtool } from '../support/prometheus-tools.js';
import { startProcess } from '../support/service-process.js';
import { alertGroup } from './alert-groups.js';
import { BRIDGE_TOKEN, startBridge, type BridgeProcess } from './bridge-process.js';
import { RobotReceiver } from './robot-receiver.js';

const ENV = {
  DINGTALK_AT_MOBILES: '13800000000',
  DINGTALK_TIMEOUT_MS: '500',
  DINGTALK_PAUSE_MS: '50',
  BRIDGE_RETRY_MS: '10',
  BRIDGE_REQUEST_TIMEOUT_MS: '1500',
  BRIDGE_MAX_BODY_BYTES: '262144',
};
const TOO_FAST = { errcode: 130101, errmsg: 'send too fast, exceed 20 times per minute' };

let robot: RobotReceiver & AsyncDisposable;
let bridge: BridgeProcess & AsyncDisposable;

beforeAll(async () => {
  robot = await RobotReceiver.start();
  bridge = await startBridge(robot, { ...ENV, DINGTALK_MESSAGES_PER_MINUTE: '1000' });
});
afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
  await robot.stop();
});
beforeEach(() => robot.clear());

const notify = (body: unknown, { http }: BridgeProcess = bridge): Promise<HttpAnswer> =>
  http.post('/webhook', body, { authorization: `Bearer ${BRIDGE_TOKEN}` });

test('delivers a signed message that names the alert, and tells those on duty aloud', async () => {
  const { status } = await notify(alertGroup([{}, { status: 'resolved' }]));
  expect(status).toBe(200);
  const [message] = robot.messages;
  expect(message?.title).toBe('🔴 ServiceDown · shop · test (1 firing, 1 resolved)');
  expect(message?.text).toContain('**shop does not answer**');
  expect(message?.atMobiles).toEqual(['13800000000']);
});

test('the receiver of these tests refuses a wrong signature, and the bridge says so for good', async () => {
  await using other = await startBridge(robot, {
    DINGTALK_SECRET_FILE: '/proc/sys/kernel/ostype',
  });
  const answer = await notify(alertGroup([{}]), other);
  expect([answer.status, answer.body]).toEqual([424, expect.stringContaining('errcode 310000')]);
  expect(robot.requests).toBe(1);
});

function connectToBridge(): Socket {
  const { hostname, port } = new URL(bridge.http.url);
  return connect(Number(port), hostname);
}

describe('what is not from Alertmanager', () => {
  test.each([
    ['a wrong token', { authorization: 'Bearer token-of-alertmanage' }],
    ['no token', {}],
    ['another scheme', { authorization: `Basic ${BRIDGE_TOKEN}` }],
  ])('%s: 401, and nothing is sent', async (_, headers) => {
    const { status } = await bridge.http.post('/webhook', alertGroup([{}]), headers);
    expect(status).toBe(401);
    expect(robot.requests).toBe(0);
  });

  test.each([
    ['no JSON', '{"version":', 'the body has to be JSON'],
    ['JSON of another form', '{"version":"4","alerts":[7]}', 'has to be'],
    ['bytes', '\u0000\uffff', 'the body has to be JSON'],
    ['nothing', '', 'the body has to be JSON'],
  ])('%s: 400 with what is wrong', async (_, body, message) => {
    const headers = { authorization: `Bearer ${BRIDGE_TOKEN}` };
    const answer = await bridge.http.send('/webhook', { method: 'POST', body, headers });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(message)]);
    expect(robot.requests).toBe(0);
  });

  test('a huge body: 413, and the next call is served', async () => {
    const { status } = await notify({ padding: 'x'.repeat(1_000_000) });
    expect(status).toBe(413);
  });

  test('after a huge body the connection serves the next call', async () => {
    const socket = connectToBridge();
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const head = `POST /webhook HTTP/1.1\r\nhost: bridge\r\nauthorization: Bearer ${BRIDGE_TOKEN}`;
    socket.write(`${head}\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    await eventually('the body was refused', () => said.startsWith('HTTP/1.1 413 '));
    socket.write('GET /healthz HTTP/1.1\r\nhost: bridge\r\n\r\n');
    await eventually('the next call was served', () => said.includes('HTTP/1.1 200 '));
    socket.destroy();
  });

  test('a slow sender: cut off with 408 while others are served', async () => {
    const socket = connectToBridge();
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    socket.write(
      `POST /webhook HTTP/1.1\r\nhost: bridge\r\nauthorization: Bearer ${BRIDGE_TOKEN}\r\ncontent-length: 9999\r\n\r\n{`,
    );
    expect((await notify(alertGroup([{}]))).status).toBe(200);
    await once(socket, 'close');
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
  });

  test.each([
    ['GET', '/webhook', 405],
    ['POST', '/', 404],
    ['POST', '//', 404],
    ['GET', '/../etc/passwd', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const socket = connectToBridge();
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: bridge\r\nconnection: close\r\n\r\n`);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await bridge.http.get('/healthz')).status).toBe(200);
  });
});

describe('a robot that does not take the message', () => {
  test('throttles (130101): the message comes after the pause', async () => {
    robot.next.push(TOO_FAST, TOO_FAST);
    expect((await notify(alertGroup([{}]))).status).toBe(200);
    expect(robot.requests).toBe(3);
    expect(robot.messages).toHaveLength(1);
  });

  test('is busy or answers 500: tried again', async () => {
    robot.next.push({ errcode: -1, errmsg: 'system busy' }, { status: 500 });
    expect((await notify(alertGroup([{}]))).status).toBe(200);
    expect(robot.requests).toBe(3);
  });

  test('hangs: given up after the time limit and tried again', async () => {
    robot.next.push('hang');
    expect((await notify(alertGroup([{}]))).status).toBe(200);
    expect(robot.requests).toBe(2);
  });

  test('refuses for good (token unknown): 424, so that Alertmanager does not repeat it', async () => {
    robot.next.push({ errcode: 300001, errmsg: 'token is not exist' });
    const { status, body } = await notify(alertGroup([{}]));
    expect([status, body]).toEqual([424, expect.stringContaining('errcode 300001: token is not exist')]);
    expect(robot.requests).toBe(1);
  });

  test('200 alerts in a group: as many as fit, and a count of the others', async () => {
    const alerts = Array.from({ length: 200 }, (_, index) => ({
      labels: { instance: `shop-${index}:9464` },
    }));
    expect((await notify(alertGroup(alerts))).status).toBe(200);
    const [message] = robot.messages;
    const shown = message?.text.match(/instance: shop-/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(20);
    expect(message?.text).toContain(`… and ${200 - shown} more`);
  });
});

describe('a robot that stays away', () => {
  let short: BridgeProcess & AsyncDisposable;
  const tryToNotify = (): Promise<HttpAnswer> => notify(alertGroup([{}]), short);

  beforeEach(async () => {
    short = await startBridge(robot, { ...ENV, BRIDGE_DELIVERY_TIMEOUT_MS: '300' });
  });
  afterEach(() => short[Symbol.asyncDispose]());

  test('answers 500 each time: 503 with a time to come back, so that Alertmanager calls again', async () => {
    robot.next.push(...Array.from({ length: 20 }, () => ({ status: 500 })));
    const { status, headers } = await tryToNotify();
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(robot.requests).toBeGreaterThan(2);
  });

  test('throttles on and on: 503, and no flood of tries', async () => {
    robot.next.push(...Array.from({ length: 20 }, () => TOO_FAST));
    expect((await tryToNotify()).status).toBe(503);
    expect(robot.requests).toBeLessThanOrEqual(4);
  });

  test('its connection is refused: 503', async () => {
    await using gone = await RobotReceiver.start();
    await using alone = await startBridge(gone, { ...ENV, BRIDGE_DELIVERY_TIMEOUT_MS: '300' });
    await gone.stop();
    const { status, body } = await notify(alertGroup([{}]), alone);
    expect([status, body]).toEqual([503, 'ECONNREFUSED\n']);
  });

  test('25 messages at once: 20 are sent, the others get 503 with the rest of the minute', async () => {
    const answers = await Promise.all(Array.from({ length: 25 }, tryToNotify));
    const refused = answers.filter(({ status }) => status === 503);
    expect([robot.messages.length, refused.length]).toEqual([20, 5]);
    for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(30);
  });
});

test('SIGTERM: a message under way is delivered, one that waits is given back, and the exit code is 0', async () => {
  await using ending = await startBridge(robot, {
    ...ENV,
    DINGTALK_TIMEOUT_MS: '5000',
    DINGTALK_PAUSE_MS: '20000',
  });
  const { promise: after, resolve: release } = Promise.withResolvers<void>();
  robot.next.push({ after }, TOO_FAST);
  const underWay = notify(alertGroup([{}]), ending);
  await eventually('the first request is under way', () => robot.requests === 1);
  const waiting = notify(alertGroup([{}]), ending);
  await ending.process.line('robot: throttled');
  ending.process.signal('SIGTERM');
  expect((await waiting).status).toBe(503);
  release();
  expect((await underWay).status).toBe(200);
  expect(await ending.process.exit).toBe(0);
  expect(ending.process.lines.at(-1)?.['msg']).toBe('shut down');
});

test('its log and its answers hold no secret', async () => {
  robot.next.push({ status: 500 }, 'hang', { errcode: 310000, errmsg: 'sign not match' });
  const answer = await notify(alertGroup([{}]));
  const said = JSON.stringify([bridge.process.lines, answer.body]);
  expect(said).toContain('sign not match');
  for (const secret of [RobotReceiver.TOKEN, RobotReceiver.SECRET, BRIDGE_TOKEN, 'sign=', 'Bearer'])
    expect(said).not.toContain(secret);
});

test('counts what happened, in a form that promtool is content with', async () => {
  await using counted = await startBridge(robot, ENV);
  robot.next.push(TOO_FAST);
  const many = Array.from({ length: 200 }, () => ({ status: 'firing' as const }));
  await notify(alertGroup([...many, { status: 'resolved' }]), counted);
  await counted.http.post('/webhook', alertGroup([{}]));
  const scrape = String((await counted.http.get('/metrics')).body);
  for (const line of [
    'bridge_webhooks_total{result="sent"} 1',
    'bridge_webhooks_total{result="unauthorized"} 1',
    'bridge_robot_requests_total{result="throttled"} 1',
    'bridge_robot_requests_total{result="sent"} 1',
    'bridge_alerts_total{status="firing"} 200',
    'bridge_alerts_total{status="resolved"} 1',
  ])
    expect(scrape).toContain(`${line}\n`);
  expect(scrape).toMatch(/^bridge_alerts_left_out_total\{reason="size"\} \d+$/m);
  expect(checkWithPromtool(scrape)).toBe('');
});

test('without a robot it says so at the start and writes messages to its log', async () => {
  await using local = await startBridge(undefined);
  const { status } = await notify(alertGroup([{}]), local);
  expect(status).toBe(200);
  const message = await local.process.line('message');
  expect(message['text']).toContain('shop does not answer');
  expect(local.process.lines[0]?.['msg']).toContain('no DingTalk robot is configured');
});

test('does not start with settings that cannot work, and names each of them', async () => {
  await using failed = await startProcess({
    root: PROJECT,
    program: `${PROJECT}/docker/bridge/bridge.ts`,
    env: { BRIDGE_PORT: 'http', DINGTALK_WEBHOOK_URL_FILE: '/nowhere' },
  });
  expect(await failed.exit).toBe(1);
  const [line] = failed.lines;
  for (const name of [
    'BRIDGE_PORT',
    'BRIDGE_TOKEN_FILE',
    'DINGTALK_WEBHOOK_URL_FILE',
    'DINGTALK_SECRET_FILE',
  ])
    expect(line?.['msg']).toContain(name);
});
