import { Controller, Get, Injectable, Module, UseGuards, type CanActivate } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { callState, currentCall } from '#chassis/context';
import { ServiceError } from '#chassis/errors';
import {
  answer,
  Middleware,
  Tags,
  type CallMiddleware,
  type MiddlewareContext,
  type Outcome,
} from '#chassis/middleware';
import { service } from '../../src/app.module.js';
import { eventually, order, ProbeModule, SHAPES, TestApp } from '../support/index.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { Scrape } from '../support/scrape.js';

/** What the middlewares have seen of the call under test, in order. */
const seen: string[] = [];
const outcomes: Outcome[] = [];
const messages: string[] = [];

const whoState = callState<{ readonly id: number }>('who');

/** What the caller tells a phase to do: `x-outer: pre-throw`. */
function orderFor(context: MiddlewareContext, name: string): string {
  return context.header(`x-${name}`) ?? '';
}

function refusal(reason: string): ServiceError {
  return new ServiceError({ code: 'ABORTED', reason, message: reason });
}

const Settings = z.strictObject({ greeting: z.string().max(10).default('hello') });
type Settings = z.output<typeof Settings>;

/** Does what its header says, in every phase; synchronously, unless told otherwise. */
abstract class Obedient implements CallMiddleware<Settings> {
  abstract readonly name: string;
  inits = 0;
  destroys = 0;

  init(): void {
    this.inits += 1;
  }

  preHandle(context: MiddlewareContext, settings: Settings) {
    seen.push(`${this.name} pre`);
    context.setHeader(`x-${this.name}-pre`, settings.greeting);
    return this.#obey(context, 'pre');
  }

  recover(context: MiddlewareContext, error: unknown) {
    seen.push(`${this.name} recover ${error instanceof ServiceError ? error.reason : 'unknown'}`);
    return this.#obey(context, 'recover');
  }

  postHandle(context: MiddlewareContext, outcome: Outcome) {
    seen.push(`${this.name} post ${outcome.hasFailed ? 'failed' : 'ok'}`);
    outcomes.push(outcome);
    context.setHeader(`x-${this.name}-post`, 'late');
    return this.#obey(context, 'post');
  }

  destroy(): void {
    this.destroys += 1;
  }

  #obey(context: MiddlewareContext, phase: string) {
    const [told = '', how] = orderFor(context, this.name).split(' ');
    const act = () => {
      if (told === `${phase}-refuse`) throw refusal(`${this.name.toUpperCase()}_${phase.toUpperCase()}`);
      if (told === `${phase}-break`) throw new Error('a secret of the middleware');
      if (told === `${phase}-header`) context.setHeader('x-echo', 'what\r\nthe: caller says');
      if (told === `${phase}-answer`) return answer({ ...order('answered'), metadata: {} });
      return undefined;
    };
    return how === 'later' ? new Promise<void>((resolve) => setTimeout(resolve, 1)).then(act) : act();
  }
}

@Middleware({ name: 'outer', priority: 10, settings: Settings })
class OuterMiddleware extends Obedient {
  readonly name = 'outer';

  override preHandle(context: MiddlewareContext, settings: Settings) {
    context.set(whoState, { id: 7 });
    return super.preHandle(context, settings);
  }
}

@Middleware({ name: 'inner', priority: -10, settings: Settings })
class InnerMiddleware extends Obedient {
  readonly name = 'inner';

  onMessageIn(context: MiddlewareContext, message: unknown): unknown {
    messages.push('in');
    const told = orderFor(context, 'message');
    if (told === 'refuse-in') throw refusal('MESSAGE_IN');
    return told === 'change-in' ? { ...(message as object), reason: 'changed' } : undefined;
  }

  onMessageOut(context: MiddlewareContext, message: unknown): unknown {
    messages.push('out');
    const told = orderFor(context, 'message');
    if (told === 'refuse-out') throw refusal('MESSAGE_OUT');
    if (told === 'late-out') return Promise.resolve(message);
    return told === 'change-out' ? { ...(message as object), reason: 'changed' } : undefined;
  }
}

@Middleware({ name: 'chosen', tags: ['chosen'] })
class ChosenMiddleware implements CallMiddleware {
  postHandle(context: MiddlewareContext): void {
    context.setHeader('x-chosen', [...context.tags].join(' '));
    context.setHeader('x-who', String(context.require(whoState).id));
  }
}

@Injectable()
class Closed implements CanActivate {
  canActivate(): boolean {
    throw refusal('GUARDED');
  }
}

@Controller('chosen')
@Tags('listed')
class ChosenController {
  @Get()
  @Tags('chosen')
  get(): object {
    return { who: currentCall()?.get(whoState)?.id };
  }

  @Get('nested')
  async nested(): Promise<object> {
    return this.get();
  }

  @Get('guarded')
  @UseGuards(Closed)
  guarded(): object {
    return {};
  }
}

@Module({
  imports: [ProbeModule],
  controllers: [ChosenController],
  providers: [OuterMiddleware, InnerMiddleware, ChosenMiddleware],
})
class PipelineModule {}

let app: TestApp;
let receiver: OtlpReceiver;
const lines: Record<string, unknown>[] = [];
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    service: { ...service, module: PipelineModule },
    config: { LOG_LEVEL: 'info', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20 },
    logTo: { write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>) },
  });
});
afterAll(async () => {
  const outer = app.get(OuterMiddleware);
  await app.stop();
  await receiver.stop();
  expect([outer.inits, outer.destroys]).toEqual([1, 1]);
});
beforeEach(async () => {
  await settled();
  for (const list of [seen, outcomes, messages]) list.length = 0;
});

/** The end of a call may be behind its answer. */
async function settled(): Promise<void> {
  await eventually('every call has ended', async () => (await openCalls()) === 0);
}

async function openCalls(): Promise<number> {
  const { body } = await app.management.get('/middlewares');
  return body.middlewares.reduce((sum: number, { openCalls: open }: { openCalls: number }) => sum + open, 0);
}

const WHOLE = ['outer pre', 'inner pre', 'inner post ok', 'outer post ok'];

describe.each(SHAPES)('over $name', ({ call, isGrpc, name }) => {
  const isResponseStream = /server|bidi/.test(name);
  const answersOf = (reason: string): string[] => (/server/.test(name) ? [reason, reason, reason] : [reason]);

  test('middlewares stand around the handler, the highest priority outermost', async () => {
    expect(await call(app, 'echo')).toEqual({ answers: answersOf('echo') });
    await settled();
    expect(seen).toEqual(WHOLE);
    expect(outcomes[0]?.durationMs).toBeGreaterThan(0);
    expect(outcomes[0]?.result !== undefined).toBe(!isResponseStream);
  });

  test('what phases wait for is waited for', async () => {
    const headers = { 'x-outer': 'pre-wait later', 'x-inner': 'post-wait later' };
    expect(await call(app, 'echo', { headers })).toEqual({ answers: answersOf('echo') });
    await settled();
    expect(seen).toEqual(WHOLE);
  });

  test.each(['', ' later'])(
    'a preHandle that refuses%s keeps the call from what stands within',
    async (how) => {
      const headers = { 'x-inner': `pre-refuse${how}` };
      expect(await call(app, 'echo', { headers })).toMatchObject({ code: 'ABORTED', reason: 'INNER_PRE' });
      await settled();
      expect(seen).toEqual(['outer pre', 'inner pre', 'outer recover INNER_PRE', 'outer post failed']);
    },
  );

  test.each(['', ' later'])(
    'a preHandle that answers%s is answered by its own postHandle and the outer ones',
    async (how) => {
      const headers = { 'x-outer': `pre-answer${how}` };
      expect(await call(app, 'fail', { headers })).toEqual({ answers: ['answered'] });
      await settled();
      expect(seen).toEqual(['outer pre', 'outer post ok']);
    },
  );

  test.each(['', ' later'])('recover answers%s in the place of a failure', async (how) => {
    const headers = { 'x-inner': `recover-answer${how}` };
    expect(await call(app, 'refuse', { headers })).toEqual({ answers: ['answered'] });
    await settled();
    expect(seen).toEqual([
      'outer pre',
      'inner pre',
      'inner recover PROBE_REFUSED',
      'inner post ok',
      'outer post ok',
    ]);
  });

  test('recover gives another failure, which outer ones see', async () => {
    const headers = { 'x-inner': 'recover-refuse' };
    expect(await call(app, 'refuse', { headers })).toMatchObject({ reason: 'INNER_RECOVER' });
    await settled();
    expect(seen.slice(2)).toEqual([
      'inner recover PROBE_REFUSED',
      'inner post failed',
      'outer recover INNER_RECOVER',
      'outer post failed',
    ]);
  });

  test('recover and postHandle see what the schema refused', async () => {
    expect(await call(app, 'NOT A WORD')).toMatchObject({ reason: 'VALIDATION_FAILED' });
    await settled();
    expect(seen).toContain('inner recover VALIDATION_FAILED');
    expect(seen.at(-1)).toBe('outer post failed');
  });

  test('a postHandle that fails fails the call, and the outer ones still run', async () => {
    const headers = { 'x-inner': 'post-refuse' };
    expect(await call(app, 'echo', { headers })).toMatchObject({ reason: 'INNER_POST' });
    await settled();
    expect(seen.slice(2)).toEqual(['inner post ok', 'outer recover INNER_POST', 'outer post failed']);
  });

  test('a postHandle that fails takes the place of no earlier failure', async () => {
    const headers = { 'x-inner': 'post-break later' };
    expect(await call(app, 'refuse', { headers })).toMatchObject({ reason: 'PROBE_REFUSED' });
  });

  test('a middleware that breaks tells the caller nothing of it, and is counted', async () => {
    const before = await errorsOf('inner', 'pre');
    const headers = { 'x-inner': 'pre-break' };
    const outcome = await call(app, 'echo', { headers });
    expect(outcome).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(await errorsOf('inner', 'pre')).toBe(before + 1);
  });

  test('a header that cannot be sent fails the phase that sets it, and nothing else', async () => {
    const headers = { 'x-inner': 'pre-header' };
    expect(await call(app, 'echo', { headers })).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
    expect(await call(app, 'echo')).toEqual({ answers: answersOf('echo') });
  });

  const isStream = isGrpc && !/unary/.test(name);
  if (isStream) {
    test('sees and changes messages of streams', async () => {
      const isIn = /client|bidi/.test(name);
      for (const side of [...(isIn ? ['in'] : []), ...(isResponseStream ? ['out'] : [])]) {
        const changed = await call(app, 'echo', { headers: { 'x-message': `change-${side}` } });
        expect(changed).toEqual({ answers: answersOf('changed') });
        const refused = await call(app, 'echo', { headers: { 'x-message': `refuse-${side}` } });
        expect(refused).toMatchObject({ reason: `MESSAGE_${side.toUpperCase()}` });
      }
      await settled();
      expect(seen.filter((phase) => phase.startsWith('inner recover MESSAGE_'))).not.toEqual([]);
      if (!isResponseStream) return;
      expect(await call(app, 'echo', { headers: { 'x-message': 'late-out' } })).toMatchObject({
        code: 'INTERNAL',
      });
    });
  }
});

async function errorsOf(middleware: string, phase: string): Promise<number> {
  return (await Scrape.of(app)).sum('middleware_errors_total', { middleware, phase });
}

test('guards come first', async () => {
  expect((await app.http.get('/chosen/guarded')).body.reason).toBe('GUARDED');
  expect(seen).toEqual([]);
});

test('a middleware acts on handlers by tag; state of the call is shared', async () => {
  const { body, headers } = await app.http.get('/chosen');
  expect(body).toEqual({ who: 7 });
  expect([headers.get('x-chosen'), headers.get('x-who')]).toEqual(['listed chosen', '7']);
  expect((await app.http.get('/chosen/guarded')).headers.get('x-chosen')).toBeNull();
});

test('a handler that calls another one passes the middlewares once', async () => {
  expect((await app.http.get('/chosen/nested')).body).toEqual({ who: 7 });
  expect(seen).toEqual(WHOLE);
});

test.each([
  ['pre-refuse', 'middleware.pre', { 'error.type': 'INNER_PRE' }],
  ['pre-answer', 'middleware.answered', {}],
  ['recover-answer', 'middleware.recovered', {}],
])('span, line and metrics of a call tell by name what a middleware did (%s)', async (told, event, more) => {
  const before = (await Scrape.of(app)).sum('middleware_duration_seconds_count', { middleware: 'inner' });
  const id = `request-${told}`;
  await app.http.post('/probe', order('refuse'), { 'x-inner': told, 'x-request-id': id });
  await eventually('its line', () =>
    lines.some((line) => line['request_id'] === id && line['msg'] === 'call'),
  );
  const line = lines.find((each) => each['request_id'] === id && each['msg'] === 'call');
  expect(line).toMatchObject({ middleware: 'inner' });
  const [span] = await receiver.find('the server span', ({ traceId, name }) => {
    return traceId === line?.['trace_id'] && name === 'POST /probe';
  });
  expect(span?.attributes).toMatchObject({ 'middleware.name': 'inner' });
  expect(span?.events).toContainEqual({ name: event, attributes: { 'middleware.name': 'inner', ...more } });
  const outer = { 'middleware.name': 'outer', 'middleware.duration_ms': expect.any(Number) };
  expect(span?.events[0]).toEqual({ name: 'middleware.pre', attributes: outer });
  expect(span?.events.at(-1)).toEqual({ name: 'middleware.post', attributes: outer });
  const after = (await Scrape.of(app)).sum('middleware_duration_seconds_count', { middleware: 'inner' });
  expect(after).toBeGreaterThan(before);
});
