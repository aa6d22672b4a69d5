import { Module, Scope } from '@nestjs/common';
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import fc from 'fast-check';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { CallObservers, callState } from '#chassis/context';
import { Middleware, type CallMiddleware, type MiddlewareContext, type Outcome } from '#chassis/middleware';
import { service } from '../../src/app.module.js';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const Settings = z.strictObject({
  text: z.string().max(5).default('plain'),
  apiToken: z.string().optional(),
});

abstract class Marking implements CallMiddleware<z.output<typeof Settings>> {
  abstract readonly mark: string;

  preHandle(context: MiddlewareContext, { text }: z.output<typeof Settings>): void {
    add(context, `${this.mark}:${text}`);
  }

  postHandle(context: MiddlewareContext, _outcome: Outcome, { text }: z.output<typeof Settings>): void {
    add(context, `/${this.mark}:${text}`);
  }
}

const marksState = callState<string>('marks');

function add(context: MiddlewareContext, mark: string): void {
  context.set(marksState, `${context.get(marksState) ?? ''} ${mark}`.trim());
  context.setHeader('X-Marks', context.require(marksState));
}

@Middleware({ name: 'first', priority: 1, settings: Settings })
class FirstMiddleware extends Marking {
  readonly mark = 'first';
}

@Middleware({ name: 'second', settings: Settings })
class SecondMiddleware extends Marking {
  readonly mark = 'second';
}

@Middleware({ name: 'off', enabled: false })
class OffMiddleware implements CallMiddleware {
  preHandle(): never {
    throw new Error('it is off');
  }
}

@Module({ imports: [ProbeModule], providers: [FirstMiddleware, SecondMiddleware, OffMiddleware] })
class SwitchedModule {}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start({ service: { ...service, module: SwitchedModule } });
});
afterAll(() => app.stop());
beforeEach(() => configure([]));

async function configure(entries: readonly object[]): Promise<void> {
  const { config } = app.service;
  const values = Object.fromEntries(
    config.describe().map(({ key }) => [key, config.get(key as 'MIDDLEWARES')]),
  );
  await config.change({ ...values, MIDDLEWARES: entries } as never, new Map());
}

async function marks(path = '/probe/echo'): Promise<string | null> {
  return (await app.http.get(path)).headers.get('x-marks');
}

/** Those in the initial metadata of a unary call. */
function marksOfRpc(): Promise<string | null> {
  const { path, requestSerialize, responseDeserialize } = Probes.unary;
  return new Promise((resolve, reject) => {
    app.grpc.client
      .makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        order('echo'),
        (error) => error && reject(error),
      )
      .on('metadata', (metadata) => resolve(metadata.get('x-marks')[0]?.toString() ?? null));
  });
}

async function put(name: string, change: object) {
  return app.management.send(`/middlewares/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(change),
  });
}

const reset = (name: string) => app.management.send(`/middlewares/${name}`, { method: 'DELETE' });

const BOTH = 'first:plain second:plain /second:plain /first:plain';

test('without a word the code says which act, in which order', async () => {
  expect(await marks()).toBe(BOTH);
  const { body } = await app.management.get('/middlewares');
  expect(body).toMatchObject({
    middlewares: [
      {
        name: 'first',
        source: 'application',
        isEnabled: true,
        priority: 1,
        phases: ['pre', 'post'],
        override: null,
      },
      { name: 'off', isEnabled: false },
      { name: 'second', settings: { text: 'plain' } },
    ],
    manifest: null,
    refused: [],
  });
});

test('the configuration switches, orders and sets them while the service runs', async () => {
  await configure([{ name: 'second', priority: 2, settings: { text: 'new' } }]);
  expect(await marks()).toBe('second:new first:plain /first:plain /second:new');
  await configure([{ name: 'first', enabled: false }]);
  expect(await marks()).toBe('second:plain /second:plain');
  const scrape = await Scrape.of(app);
  expect(scrape.sum('middleware_enabled', { middleware: 'first' })).toBe(0);
  expect(scrape.sum('middleware_enabled', { middleware: 'second' })).toBe(1);
});

test.each([
  ['routes', { routes: ['/probe/:reason'], methods: ['GET'] }, [true, false, false]],
  ['rpcs', { rpcs: ['probe.v1.*/Unary'] }, [false, false, true]],
  ['both', { routes: ['/probe'], rpcs: ['probe.v1.ProbeService/*'] }, [false, true, true]],
  ['transports', { transports: ['grpc'] }, [false, false, true]],
  ['methods', { methods: ['POST'] }, [false, true, false]],
  ['tags', { tags: ['none-has-it'] }, [false, false, false]],
])('the configuration aims them by %s', async (_by, selector, expected) => {
  await configure([
    { name: 'first', enabled: false },
    { name: 'second', ...selector },
  ]);
  const posted = await app.http.post('/probe', order('echo'));
  const acted = [await marks(), posted.headers.get('x-marks'), await marksOfRpc()];
  expect(acted.map((value) => value !== null)).toEqual(expected);
});

test('those of GET act on HEAD, too', async () => {
  await configure([
    { name: 'first', enabled: false },
    { name: 'second', methods: ['GET'] },
  ]);
  const { headers } = await app.http.send('/probe/echo', { method: 'HEAD' });
  expect(headers.get('x-marks')).toBe(await marks());
});

test('the configuration is refused as a whole where it does not fit', async () => {
  const refusedBy = (entries: readonly object[]) =>
    configure(entries).then(
      () => 'taken',
      (error: Error) => error.message,
    );
  expect(await refusedBy([{ name: 'first', enabled: false }, { name: 'third' }])).toMatch(
    /third: no middleware has this name; there are first, second, off/,
  );
  expect(await refusedBy([{ name: 'second', settings: { text: 'too long' } }])).toMatch(
    /second.settings: .*text/,
  );
  expect(await refusedBy([{ name: 'off', settings: { any: 1 } }])).toMatch(/takes no settings/);
  expect(await marks()).toBe(BOTH);
});

test('an operator switches them, until it is taken back; secrets are not shown', async () => {
  await configure([{ name: 'second', settings: { text: 'conf' } }]);
  const { status, body } = await put('second', { priority: 5, settings: { text: 'oper', apiToken: 'hush' } });
  expect([status, body.priority, body.isEnabled]).toEqual([200, 5, true]);
  expect(JSON.stringify(body)).not.toContain('hush');
  expect(body).toMatchObject({ settings: { apiToken: '[redacted]' }, override: { priority: 5 } });
  expect(await marks()).toBe('second:oper first:plain /first:plain /second:oper');
  await put('second', { enabled: false });
  expect(await marks()).toBe('first:plain /first:plain');
  expect((await reset('second')).body).toMatchObject({ override: null, isEnabled: true });
  expect(await marks()).toBe('first:plain second:conf /second:conf /first:plain');
});

test.each([
  ['first', { enabled: 'yes' }, 400, 'VALIDATION_FAILED'],
  ['first', { colour: 'red' }, 400, 'VALIDATION_FAILED'],
  ['first', { settings: { text: 7 } }, 400, 'VALIDATION_FAILED'],
  ['third', { enabled: false }, 404, 'MIDDLEWARE_NOT_FOUND'],
])('an operator’s change of %s to %j is refused', async (name, change, status, reason) => {
  const answer = await put(name, change);
  expect([answer.status, answer.body.reason]).toEqual([status, reason]);
  expect(await marks()).toBe(BOTH);
});

test('a call that has begun keeps the middlewares and settings that it began with', async () => {
  const stream = app.grpc.serverStream(Probes.serverStream, order('endless')).on('error', () => {});
  await stream[Symbol.asyncIterator]().next();
  await configure([
    { name: 'first', enabled: false },
    { name: 'second', settings: { text: 'new' } },
  ]);
  expect(await marks()).toBe('second:new /second:new');
  const open = [...app.service.app.get(CallObservers).open];
  expect(open.map((call) => call.get(marksState))).toEqual(['first:plain second:plain']);
  stream.cancel();
  await eventually('it has left them', () => open.every((call) => call.get(marksState) === BOTH));
});

test('what postHandle adds to a stream that has begun comes with its trailers, also when it fails', async () => {
  for (const [reason, code] of [
    ['echo', 0],
    ['fail-late', 9],
  ] as const) {
    const stream = app.grpc.serverStream(Probes.serverStream, order(reason));
    const metadata = once(stream, 'metadata');
    const status = new Promise<StatusObject>((resolve) => stream.on('status', resolve).on('error', () => {}));
    stream.resume();
    const [initial] = (await metadata) as [Metadata];
    expect(initial.get('x-marks')).toEqual(['first:plain second:plain']);
    const end = await status;
    expect([end.code, end.metadata.get('x-marks')]).toEqual([code, [BOTH]]);
  }
});

@Middleware({ name: 'first', priority: 0.5 })
class TwinMiddleware {}

@Middleware({ name: 'unready' })
class UnreadyMiddleware implements CallMiddleware {
  async init(): Promise<never> {
    throw new Error('its neighbour is away');
  }

  preHandle(): void {
    // It never comes to this.
  }
}

test.each([
  [[FirstMiddleware, TwinMiddleware], {}, /TwinMiddleware has the name "first".*priority.*has no phase/],
  [
    [{ provide: FirstMiddleware, useClass: FirstMiddleware, scope: Scope.TRANSIENT }],
    {},
    /FirstMiddleware is transient, and one instance of it acts on all calls/,
  ],
  [[UnreadyMiddleware], {}, /unready failed in init: its neighbour is away/],
  [[], { MIDDLEWARES: [{ name: 'first' }] }, /first: no middleware has this name; there is none/],
  [
    [],
    { PLUGINS_MANIFEST: '/nowhere/manifest.yaml' },
    /PLUGINS_MANIFEST \/nowhere\/manifest.yaml cannot be read/,
  ],
])('what is wrong with %o or %j keeps the service from starting', async (providers, config, message) => {
  @Module({ providers })
  class FaultyModule {}
  await expect(TestApp.start({ service: { ...service, module: FaultyModule }, config })).rejects.toThrow(
    message,
  );
});

test('over sockets each call runs the set of its start while middlewares change', async () => {
  let isOver = false;
  const plans = new Set<string>();
  const callAgain = async (call: () => Promise<string | null>): Promise<number> => {
    for (let count = 0; ; count++) {
      const [pre, post] = split((await call()) ?? '');
      expect(post.toReversed()).toEqual(pre.map((mark) => `/${mark}`));
      plans.add(pre.join(' '));
      if (isOver) return count;
    }
  };
  const callers = [marks, marksOfRpc, marks, marksOfRpc].map((call) => callAgain(() => call()));
  const random = fc.sample(fc.constantFrom('first', 'second'), { numRuns: 60, seed: 7 });
  for (const [index, name] of random.entries())
    await put(name, { enabled: index % 3 > 0, priority: index % 5, settings: { text: `r${index}` } });
  isOver = true;
  const counts = await Promise.all(callers);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(plans.size).toBeGreaterThan(5);
  await Promise.all(['first', 'second'].map((name) => reset(name)));
});

/** Marks of preHandle, and of postHandle. */
function split(all: string): [string[], string[]] {
  const list = all.split(' ').filter((mark) => mark !== '');
  return [list.filter((mark) => !mark.startsWith('/')), list.filter((mark) => mark.startsWith('/'))];
}
