import { Injectable, Logger, Module } from '@nestjs/common';
import { networkInterfaces } from 'node:os';
import { PinoLogger } from 'nestjs-pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { LogLevels } from '#chassis/logging';
import type { HttpAnswer } from '../support/index.js';
import { createDatabase } from '../support/postgres.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { ProbeModule, TestApp } from '../support/index.js';

type Line = Readonly<Record<string, unknown>>;

/** Logs in the two ways that a feature has. */
@Injectable()
class Talker {
  readonly #nest = new Logger('NestTalker');

  constructor(private readonly pino: PinoLogger) {
    pino.setContext('PinoTalker');
  }

  /** Levels, by context, of the lines that came through. */
  talk(): Record<string, string> {
    const before = lines.length;
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)
      this.pino[level]('talk');
    this.#nest.verbose('talk');
    this.#nest.debug('talk');
    this.#nest.log('talk');
    this.#nest.warn('talk');
    this.#nest.error('talk');
    this.#nest.fatal('talk');
    const said = lines.slice(before).filter(({ msg }) => msg === 'talk');
    const levels = Map.groupBy(said, ({ context }) => String(context));
    return Object.fromEntries(
      [...levels].map(([context, found]) => [context, found.map(({ level }) => level).join(' ')]),
    );
  }
}

@Module({ providers: [Talker] })
class TalkerModule {}

const FROM: Readonly<Record<string, string>> = {
  trace: 'trace debug info warn error fatal',
  debug: 'debug info warn error fatal',
  info: 'info warn error fatal',
  warn: 'warn error fatal',
  error: 'error fatal',
  fatal: 'fatal',
};
const lines: Line[] = [];
const logTo = { write: (text: string) => lines.push(JSON.parse(text) as Line) };

function put(
  app: TestApp,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return app.management.send(path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** What the changes below would change. */
async function stateOf({ management }: TestApp): Promise<unknown[]> {
  const paths = ['/loggers', '/tracing'];
  return Promise.all(paths.map(async (path) => (await management.get(path)).body as unknown));
}

describe('log levels', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({ imports: [TalkerModule], config: { LOG_LEVEL: 'info' }, logTo });
  });
  afterAll(() => app.stop());
  afterEach(async () => {
    await put(app, '/loggers', { level: null });
    for (const context of ['NestTalker', 'PinoTalker'])
      await put(app, `/loggers/${context}`, { level: null });
  });
  const talk = (): Record<string, string> => app.get(Talker).talk();

  test('are as configured at first, and every context that has written is listed', async () => {
    expect(talk()).toEqual({ NestTalker: FROM['info'], PinoTalker: FROM['info'] });
    const { status, body } = await app.management.get('/loggers');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      levels: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      root: { configuredLevel: 'info', effectiveLevel: 'info' },
      contexts: {
        NestTalker: { configuredLevel: null, effectiveLevel: 'info' },
        PinoTalker: { configuredLevel: null, effectiveLevel: 'info' },
      },
    });
  });

  test.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])('are %s for all at once', async (level) => {
    const { status, body } = await put(app, '/loggers', { level });
    expect([status, body]).toEqual([200, { configuredLevel: level, effectiveLevel: level }]);
    expect(talk()).toEqual({ NestTalker: FROM[level], PinoTalker: FROM[level] });
  });

  test('may be silent, and come back', async () => {
    await put(app, '/loggers', { level: 'silent' });
    expect(talk()).toEqual({});
    await put(app, '/loggers', { level: null });
    expect(talk()).toEqual({ NestTalker: FROM['info'], PinoTalker: FROM['info'] });
  });

  test.each(['NestTalker', 'PinoTalker'])('are raised and lowered for %s alone', async (context) => {
    const other = context === 'NestTalker' ? 'PinoTalker' : 'NestTalker';
    for (const level of ['trace', 'error']) {
      const { body } = await put(app, `/loggers/${context}`, { level });
      expect(body).toEqual({ configuredLevel: level, effectiveLevel: level });
      expect(talk()).toEqual({ [context]: FROM[level], [other]: FROM['info'] });
    }
    await put(app, '/loggers', { level: 'silent' });
    expect(talk()).toEqual({ [context]: FROM['error'] });
    const { body } = await put(app, `/loggers/${context}`, { level: null });
    expect(body).toEqual({ configuredLevel: null, effectiveLevel: 'silent' });
    expect(talk()).toEqual({});
  });

  test.each([
    ['POST', '/loggers', 'GET, HEAD, PUT'],
    ['PUT', '/metrics', 'GET, HEAD'],
    ['OPTIONS', '/loggers/NestTalker', 'PUT'],
  ])('%s %s answers 405 and what the path takes', async (method, path, allow) => {
    const { status, headers, body } = await app.management.send(path, { method });
    expect([status, headers.get('allow'), body.reason]).toEqual([405, allow, 'METHOD_NOT_ALLOWED']);
    expect((await app.management.send('/nowhere', { method })).body.reason).toBe('ROUTE_NOT_FOUND');
  });

  test.each([
    ['an unknown level', { level: 'loud' }],
    ['a level in another case', { level: 'DEBUG' }],
    ['a number', { level: 20 }],
    ['no level', {}],
    ['an unknown field', { level: 'debug', levle: 'debug' }],
    ['a list', [{ level: 'debug' }]],
    ['null', null],
    ['broken JSON', '{"level":'],
    ['a field that stands there twice', '{"level":"warn","level":"debug"}'],
    ['one that is escaped the second time', '{"level":"warn","l\\u0065vel":"debug"}'],
  ])('stay as they are after %s', async (_name, body) => {
    for (const path of ['/loggers', '/loggers/NestTalker']) {
      const answer = await put(app, path, body);
      expect([answer.status, answer.body.code]).toEqual([400, 'INVALID_ARGUMENT']);
    }
    expect(talk()).toEqual({ NestTalker: FROM['info'], PinoTalker: FROM['info'] });
  });

  test('are kept for a thousand contexts and no more', async () => {
    const levels = app.get(LogLevels);
    for (let index = 0; index < 1000; index++) levels.setContext(`many-${index}`, 'warn');
    const { status, body } = await put(app, '/loggers/one-more', { level: 'debug' });
    expect([status, body.reason]).toEqual([400, 'TOO_MANY_LOG_LEVELS']);
    expect((await put(app, '/loggers/many-7', { level: 'error' })).status).toBe(200);
    for (let index = 0; index < 1000; index++) levels.setContext(`many-${index}`, null);
    expect((await put(app, '/loggers/one-more', { level: null })).status).toBe(200);
  });

  test('are said when they change', async () => {
    await put(app, '/loggers/NestTalker', { level: 'warn' });
    expect(lines.at(-1)).toMatchObject({ msg: 'log level changed', of: 'NestTalker', to: 'warn' });
  });
});

describe('who may change', () => {
  const CHANGES = [
    { path: '/loggers', body: { level: 'warn' } },
    { path: '/loggers/Talker', body: { level: 'warn' } },
    { path: '/tracing', body: { ratio: 0.5 } },
  ];
  const TOKEN = 's3cr3t-t0ken';
  let DATABASE_URL: string;
  let open: TestApp;
  let guarded: TestApp;
  beforeAll(async () => {
    DATABASE_URL = await createDatabase(inject('postgresUrl'));
    open = await TestApp.start({ config: { DATABASE_URL } });
    guarded = await TestApp.start({ config: { DATABASE_URL, MANAGEMENT_TOKEN: TOKEN } });
  });
  afterAll(async () => {
    await open.stop();
    await guarded.stop();
  });

  describe.each(CHANGES)('PUT $path', ({ path, body }) => {
    test.each([
      ['no token', {}],
      ['another token', { authorization: `Bearer ${TOKEN}x` }],
      ['the token in another scheme', { authorization: `Basic ${TOKEN}` }],
      ['an empty token', { authorization: 'Bearer ' }],
    ])('is refused with %s', async (_name, headers) => {
      const before = await stateOf(guarded);
      const answer = await put(guarded, path, body, headers);
      expect([answer.status, answer.body.reason]).toEqual([401, 'MANAGEMENT_TOKEN_REQUIRED']);
      expect(JSON.stringify(answer.body)).not.toContain(TOKEN);
      expect(await stateOf(guarded)).toEqual(before);
    });

    test.each(['Bearer', 'bearer'])('is done for the right token of the scheme %s', async (scheme) => {
      expect((await put(guarded, path, body, { authorization: `${scheme} ${TOKEN}` })).status).toBe(200);
      const reset = path === '/tracing' ? { ratio: 0 } : { level: null };
      expect((await put(guarded, path, reset, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    });

    test('is done from this machine where no token is set', async () => {
      expect((await put(open, path, body)).status).toBe(200);
    });
  });

  test('everybody may read', async () => {
    for (const path of ['/loggers', '/tracing', '/metrics', '/config', '/info'])
      expect((await guarded.management.get(path)).status).toBe(200);
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  // A machine without a network has no other address to come from.
  test.skipIf(!outside)('nobody from another address may change without a token', async () => {
    const app = await TestApp.start({ config: { DATABASE_URL, MANAGEMENT_HOST: outside } });
    try {
      const before = await stateOf(app);
      for (const { path, body } of CHANGES) {
        const answer = await put(app, path, body);
        expect([answer.status, answer.body.reason]).toEqual([403, 'LOOPBACK_ONLY']);
      }
      expect(await stateOf(app)).toEqual(before);
    } finally {
      await app.stop();
    }
  });
});

describe('the sampling ratio', () => {
  let receiver: OtlpReceiver;
  let app: TestApp;
  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
    app = await TestApp.start({
      imports: [ProbeModule],
      config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20 },
    });
  });
  afterAll(async () => {
    await app.stop();
    await receiver.stop();
  });

  test('holds for the traces that begin after it', async () => {
    expect((await put(app, '/tracing', { ratio: 0 })).body).toMatchObject({ ratio: 0, isRecording: true });
    await app.http.get('/probe/echo');
    await put(app, '/tracing', { ratio: 1 });
    await app.http.get('/probe/swap', { 'user-agent': 'second' });
    await receiver.find('the second call', ({ name }) => name === 'GET /probe/:reason');
    const seen = receiver.spans.filter(({ name }) => name === 'GET /probe/:reason');
    expect(seen.map(({ attributes }) => attributes['user_agent.original'])).toEqual(['second']);
  });

  test.each([
    [{ ratio: 1.1 }],
    [{ ratio: -0.1 }],
    [{ ratio: '0.5' }],
    [{}],
    [{ ratio: 0.5, rate: 1 }],
    [null],
  ])('stays as it is after %j', async (body) => {
    const { status, body: problem } = await put(app, '/tracing', body);
    expect([status, problem.reason ?? problem]).toEqual([400, expect.any(String)]);
    expect((await app.management.get('/tracing')).body.ratio).toBe(1);
  });
});
