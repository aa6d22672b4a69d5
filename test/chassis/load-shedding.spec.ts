import { availableParallelism } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ChassisConfig, Config } from '#chassis/config';
import { LoadShedding } from '#chassis/load-shedding';
import { HealthCheckResponse_ServingStatus, HealthService } from '#generated/grpc/health/v1/health';
import { Busy, BusyModule } from '../support/busy.js';
import { eventually, failureOf, TestApp, type GrpcFailure, type HttpAnswer } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

type Line = Readonly<Record<string, unknown>>;
const PAGE = 'https://app.example.org';

type Kind = 'usual' | 'critical' | 'sheddable' | 'listed' | 'threads';

/** What a caller sees. */
interface Outcome {
  readonly kind: Kind;
  /** The priority that the handler saw, `undefined` when it was refused. */
  readonly priority: string | undefined;
  readonly http?: HttpAnswer;
  readonly grpc?: GrpcFailure;
}

interface Transport {
  readonly name: 'http' | 'grpc';
  readonly call: (app: TestApp, kind: Kind, ms: number, headers?: Record<string, string>) => Promise<Outcome>;
}

const TRANSPORTS: readonly Transport[] = [
  {
    name: 'http',
    call: async (app, kind, ms, headers) => {
      const http = await app.http.get(`/busy/${kind}/${ms}`, { origin: PAGE, ...headers });
      return { kind, http, priority: http.status === 200 ? http.body.reason : undefined };
    },
  },
  {
    name: 'grpc',
    call: async (app, kind, ms, metadata = {}) => {
      const answer = app.grpc.unary(
        Busy[kind],
        { reason: 'work', domain: String(ms), metadata: {} },
        { metadata },
      );
      const done = await answer.catch(() => undefined);
      return done
        ? { kind, priority: done.reason }
        : { kind, priority: undefined, grpc: await failureOf(answer) };
    },
  },
];

const lines: Line[] = [];
const allLines: Line[] = [];
const logTo = {
  write: (text: string): void => {
    lines.push(JSON.parse(text) as Line);
    allLines.push(JSON.parse(text) as Line);
  },
};
const LISTED = [{ priority: 'critical' as const, routes: ['/busy/listed/*'], rpcs: ['busy.v1.*/Listed'] }];
/** A machine that is busy with other tests may be overloaded at any time: `on` where a test is about refusals. */
const RULE = {
  LOAD_SHEDDING: 'observe',
  LOAD_SHEDDING_DELAY_MS: 10,
  LOAD_SHEDDING_CPU_RATIO: 0.9,
  LOAD_SHEDDING_MIN_IN_FLIGHT: 10,
  LOAD_SHEDDING_PRIORITIES: LISTED,
} satisfies Partial<ChassisConfig>;
let app: TestApp;

beforeAll(async () => {
  app = await TestApp.start({
    imports: [BusyModule],
    logTo,
    config: { LOG_LEVEL: 'info', TRUSTED_PROXIES: 'loopback', CORS_ORIGINS: PAGE, ...RULE },
  });
});
afterEach(() => change(app.service.config, RULE));
afterAll(() => app.stop());

/** More callers at once than can be served, again and again until enough were refused. */
async function overload(target: TestApp, { call }: Transport, isEnough: () => boolean): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const kinds = [...Array<Kind>(20).fill('usual'), ...Array<Kind>(20).fill('sheddable'), 'critical'] as const;
  for (let wave = 0; wave < 30 && !isEnough(); wave++)
    outcomes.push(...(await Promise.all(kinds.map((kind) => call(target, kind, 5)))));
  return outcomes;
}

async function change(config: Config, values: Partial<ChassisConfig>): Promise<void> {
  const all = Object.fromEntries(config.describe().map(({ key }) => [key, config.get(key as never)]));
  await config.change({ ...(all as unknown as ChassisConfig), ...values }, new Map());
}

/** What every refused caller is told, on either transport. */
function expectOverloaded({ http, grpc }: Outcome): void {
  const answer = http
    ? [http.status, http.body.code, http.body.reason, Number(http.headers.get('retry-after'))]
    : [503, grpc?.code === 14 && 'UNAVAILABLE', grpc?.reason, grpc?.retry?.retryDelay?.seconds];
  expect(answer.slice(0, 3)).toEqual([503, 'UNAVAILABLE', 'OVERLOADED']);
  expect([1, 2, 3]).toContain(answer[3]);
  if (http) expect(http.headers.get('access-control-allow-origin')).toBe(PAGE);
}

const isRefused = ({ priority }: Outcome): boolean => priority === undefined;

/** The share of a kind's calls that were refused. */
function lossOf(kind: Kind, outcomes: readonly Outcome[]): number {
  const all = outcomes.filter((outcome) => outcome.kind === kind);
  return all.filter(isRefused).length / all.length;
}

/** Back to normal. */
async function untilCalm(): Promise<void> {
  await eventually('it is over', () => !app.get(LoadShedding).describe().isShedding, 5000);
}

function refusedSoFar(target: TestApp): number {
  const { refused } = target.get(LoadShedding).describe();
  return refused.critical + refused.default + refused.sheddable;
}

describe.each(TRANSPORTS)('over $name', (transport) => {
  const { name, call } = transport;

  test('a call is as important as its handler, its controller, the configuration or a trusted proxy says', async () => {
    const priorities = async (headers?: Record<string, string>): Promise<unknown[]> => {
      const kinds = ['usual', 'critical', 'sheddable', 'listed'] as const;
      return (await Promise.all(kinds.map((kind) => call(app, kind, 0, headers)))).map(
        ({ priority }) => priority,
      );
    };
    expect(await priorities()).toEqual(['default', 'critical', 'sheddable', 'critical']);
    expect(await priorities({ 'x-priority': 'sheddable' })).toEqual(Array(4).fill('sheddable'));
    expect(await priorities({ 'x-priority': 'royal' })).toEqual([
      'default',
      'critical',
      'sheddable',
      'critical',
    ]);
  });

  test('under overload calls are refused at once, the least important first; then all are served again', async () => {
    await change(app.service.config, { LOAD_SHEDDING: 'on' });
    const before = await Scrape.of(app);
    lines.length = 0;
    const begun = refusedSoFar(app);
    const outcomes = await overload(app, transport, () => refusedSoFar(app) > begun + 40);
    const refused = outcomes.filter(isRefused);
    expect(refused.length).toBeGreaterThan(40);
    // On a machine that is busy with other things, even what is critical may be too much.
    expect(lossOf('critical', outcomes)).toBeLessThanOrEqual(lossOf('usual', outcomes));
    expect(lossOf('sheddable', outcomes)).toBeGreaterThanOrEqual(lossOf('usual', outcomes));
    for (const outcome of refused) expectOverloaded(outcome);
    const counted = (scrape: Scrape): number => scrape.sum('load_shed_total', { transport: name });
    const after = await Scrape.of(app);
    expect(counted(after) - counted(before)).toBe(refused.length);
    const shed = lines.filter((line) => 'shed' in line);
    expect(shed).toHaveLength(refused.length);
    expect(shed[0]).toMatchObject({
      msg: 'call',
      transport: name,
      code: 'UNAVAILABLE',
      reason: 'OVERLOADED',
    });
    await untilCalm();
    expect(isRefused(await call(app, 'sheddable', 0))).toBe(false);
  });
});

describe.each(TRANSPORTS)('over $name', (transport) => {
  test('work in threads, which the event loop does not show, is refused for the CPU', async () => {
    const rule = { LOAD_SHEDDING_CPU_RATIO: 0.5 / availableParallelism(), LOAD_SHEDDING_MIN_IN_FLIGHT: 1 };
    await change(app.service.config, { LOAD_SHEDDING: 'on', ...rule });
    const { name } = transport;
    const isRefusedForCpu = (): boolean => app.get(LoadShedding).counts.refusedFor(name, 'cpu') > 0;
    const outcomes: Outcome[] = [];
    for (let wave = 0; wave < 50 && !isRefusedForCpu(); wave++) {
      const calls = Array.from({ length: 20 }, () => transport.call(app, 'threads', 0));
      outcomes.push(...(await Promise.all(calls)));
    }
    const shed = (await Scrape.of(app)).sum('load_shed_total', { transport: name, reason: 'cpu' });
    expect(shed).toBeGreaterThan(0);
    for (const outcome of outcomes.filter(isRefused)) expectOverloaded(outcome);
    await change(app.service.config, RULE);
    await untilCalm();
  });
});

test('an overload is told when it begins, and not again within ten seconds', () => {
  const begun = allLines.filter(({ msg }) => String(msg).startsWith('load shedding began'));
  expect(begun[0]).toMatchObject({ level: 'warn', context: 'LoadShedding', reason: 'event_loop' });
  const times = begun.map(({ time }) => Date.parse(String(time)));
  for (const [index, time] of times.slice(1).entries())
    expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(10_000);
});

test('health checks and the management port are no calls that could be refused', async () => {
  const { status } = await app.grpc.unary(HealthService.check, { service: '' });
  expect(status).toBe(HealthCheckResponse_ServingStatus.SERVING);
  const before = await Scrape.of(app);
  await app.management.get('/readyz');
  await app.grpc.unary(HealthService.check, { service: '' });
  const after = await Scrape.of(app);
  expect(after.sum('load_shedding_calls_total')).toBe(before.sum('load_shedding_calls_total'));
});

test('an open stream is no work under way; the administration shows what is', async () => {
  const stream = app.grpc.serverStream(Busy.endless, { reason: 'work', domain: '', metadata: {} });
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('data', resolve));
  const { body } = await app.management.get('/load-shedding');
  stream.cancel();
  expect(body).toMatchObject({
    mode: 'observe',
    isShedding: expect.any(Boolean),
    rule: { delayMs: 10, cpuRatio: 0.9, minInFlight: 10 },
    signals: { demand: expect.any(Number), cpu: { cores: expect.any(Number), source: expect.any(String) } },
    inFlight: { critical: 0, default: 0, sheddable: 0 },
    shares: { critical: 1 },
  });
  expect(body.limit).toBeGreaterThanOrEqual(10);
  expect((await Scrape.of(app)).find('load_shedding_limit')[0]?.value).toBeGreaterThanOrEqual(10);
});

describe('while it runs', () => {
  test('every setting can be changed', async () => {
    const { config } = app.service;
    const rule = {
      LOAD_SHEDDING_DELAY_MS: 50,
      LOAD_SHEDDING_CPU_RATIO: 0.5,
      LOAD_SHEDDING_MIN_IN_FLIGHT: 99,
    };
    await change(config, {
      ...rule,
      LOAD_SHEDDING_RETRY_AFTER_MS: 7000,
      LOAD_SHEDDING_PRIORITIES: [{ priority: 'sheddable', routes: ['/busy/usual/*'] }],
    });
    const { body } = await app.management.get('/load-shedding');
    expect(body.rule).toEqual({ delayMs: 50, cpuRatio: 0.5, minInFlight: 99 });
    expect((await app.http.get('/busy/usual/0')).body.reason).toBe('sheddable');
    expect((await app.http.get('/busy/listed/0')).body.reason).toBe('default');
    await change(config, { LOAD_SHEDDING: 'off' });
    expect((await app.http.get('/busy/usual/0')).body.reason).toBe('none');
    expect((await app.management.get('/load-shedding')).body.mode).toBe('off');
  });

  test('off amid an overload, it knows of none', async () => {
    await change(app.service.config, { LOAD_SHEDDING: 'on' });
    const begun = refusedSoFar(app);
    await overload(app, TRANSPORTS[0] as Transport, () => refusedSoFar(app) > begun);
    expect(app.get(LoadShedding).describe().signals.demand).toBeGreaterThan(0);
    await change(app.service.config, { LOAD_SHEDDING: 'off' });
    const { body } = await app.management.get('/load-shedding');
    expect(body).toMatchObject({
      isShedding: false,
      signals: { demand: 0, waitMs: 0, cpu: { ratio: 0 } },
      limit: null,
      shares: { critical: 1, default: 1, sheddable: 1 },
    });
    const scrape = await Scrape.of(app);
    expect(scrape.find('load_shedding_demand_ratio')[0]?.value).toBe(0);
    expect(scrape.find('load_shedding_active')[0]?.value).toBe(0);
    expect(allLines.filter(({ msg }) => msg === 'load shedding ended').length).toBeGreaterThan(0);
  });

  test('observe refuses nobody and counts whom it would have', async () => {
    await change(app.service.config, { LOAD_SHEDDING: 'observe', LOAD_SHEDDING_DELAY_MS: 1 });
    const before = await Scrape.of(app);
    const observed = (): number => app.get(LoadShedding).counts.of(2, 'observed');
    const begun = observed();
    const [http] = TRANSPORTS;
    const outcomes = await overload(app, http as Transport, () => observed() > begun);
    expect(outcomes.filter(isRefused)).toEqual([]);
    const after = await Scrape.of(app);
    expect(after.sum('load_shedding_calls_total', { decision: 'observed' })).toBeGreaterThan(0);
    expect(after.sum('load_shed_total')).toBe(before.sum('load_shed_total'));
  });
});

test('handlers that two controllers share are as important as each of them says', async () => {
  expect((await app.http.get('/shared/critical')).body.reason).toBe('critical');
  expect((await app.http.get('/shared/sheddable')).body.reason).toBe('sheddable');
});

test('a caller who is no trusted proxy cannot make a call important', { timeout: 180_000 }, async () => {
  const open = await TestApp.start({ imports: [BusyModule], config: { LOAD_SHEDDING: 'observe' } });
  try {
    for (const { call } of TRANSPORTS)
      expect((await call(open, 'usual', 0, { 'x-priority': 'critical' })).priority).toBe('default');
  } finally {
    await open.stop();
  }
});
