import { FeatureFlags } from '#chassis/flags';
import { LogLevels } from '#chassis/logging';
import { PolicyRegistry } from '#chassis/resilience';
import { Tracing } from '#chassis/tracing';
import type { HttpAnswer } from './http-test-client.js';
import { Scrape } from './scrape.js';
import type { TestApp } from './test-app.js';

export type Values = Readonly<Record<string, unknown>>;

/** A kind of live configuration: what a source says of it at its change number `index`, and what must come of it. */
export interface LiveKind {
  readonly name: string;
  readonly values: (index: number) => Values;
  /** What the running service shows of it. */
  readonly effect: (app: TestApp) => unknown;
  readonly expected: (index: number) => unknown;
}

type Body = HttpAnswer['body'];

const OURS = 'https://app.example.org';
/** Sources say something new at every second index: of those, each second one. */
const isFull = (index: number) => index % 4 < 2;
const get = async (app: TestApp, path: string) => (await app.management.get(path)).body;
const named = (entries: readonly Body[], name: string): Body => entries.find((entry) => entry.name === name);

/** Both texts always change together: a call that sees one old and one new has read half of a change. */
const texts: LiveKind = {
  name: 'keys of a feature',
  values: (index) => ({ GREETING: `text ${index}`, FAREWELL: `text ${index}` }),
  effect: async (app) => (await app.http.get('/live')).body.farewell,
  expected: (index) => `text ${index}`,
};

const logging: LiveKind = {
  name: 'log levels',
  values: (index) => ({
    LOG_LEVEL: isFull(index) ? 'warn' : 'info',
    LOG_LEVELS: `Database=${isFull(index) ? 'debug' : 'error'}`,
  }),
  effect: (app) => {
    const levels = app.get(LogLevels);
    return [levels.describeRoot().effectiveLevel, levels.describe('Database').effectiveLevel];
  },
  expected: (index) => (isFull(index) ? ['warn', 'debug'] : ['info', 'error']),
};

const tracing: LiveKind = {
  name: 'trace sampling',
  values: (index) => ({ OTEL_TRACES_SAMPLER_ARG: (index % 10) / 10 }),
  effect: (app) => app.get(Tracing).sampler.ratio,
  expected: (index) => (index % 10) / 10,
};

const pool: LiveKind = {
  name: 'database pool',
  values: (index) => ({ DATABASE_POOL_MAX: 3 + (index % 4) }),
  effect: async (app) => (await Scrape.of(app)).sum('db_client_connections_max'),
  expected: (index) => 3 + (index % 4),
};

const policies: LiveKind = {
  name: 'timeout, retry and breaker',
  values: (index) => ({
    RESILIENCE_POLICIES: [
      {
        name: 'live',
        routes: ['/live', '/probe/*'],
        rpcs: ['live.v1.LiveService/*', 'probe.v1.ProbeService/*'],
        timeoutMs: 20_000 + index,
        ...(isFull(index) && { retry: { maxAttempts: 3 }, breaker: { minRequestAmount: 100 + index } }),
      },
    ],
  }),
  effect: async (app) => {
    const { timeoutMs, retry } = app.get(PolicyRegistry).find('live')?.options ?? {};
    const { breakers } = await get(app, '/circuit-breakers');
    return [timeoutMs, retry?.maxAttempts, named(breakers, 'live')?.rule.minRequestAmount];
  },
  expected: (index) => [20_000 + index, ...(isFull(index) ? [3, 100 + index] : [undefined, undefined])],
};

/** As it refuses nothing, however busy the machine is. */
const shedding: LiveKind = {
  name: 'load shedding',
  values: (index) => ({
    LOAD_SHEDDING: isFull(index) ? 'on' : 'observe',
    LOAD_SHEDDING_DELAY_MS: 30_000 + index,
    LOAD_SHEDDING_CPU_RATIO: 1,
    LOAD_SHEDDING_MIN_IN_FLIGHT: 1000 + index,
  }),
  effect: async (app) => {
    const { mode, rule } = await get(app, '/load-shedding');
    return [mode, rule.delayMs, rule.minInFlight];
  },
  expected: (index) => [isFull(index) ? 'on' : 'observe', 30_000 + index, 1000 + index],
};

const middlewares: LiveKind = {
  name: 'middlewares',
  values: (index) => ({
    MIDDLEWARES: [{ name: 'stamp', enabled: isFull(index), settings: { text: `text ${index}` } }],
  }),
  effect: async (app) => {
    const { middlewares: all } = await get(app, '/middlewares');
    const { headers } = await app.http.get('/live');
    return [named(all, 'stamp')?.isEnabled, headers.get('x-stamp')];
  },
  expected: (index) => [isFull(index), isFull(index) ? `text ${index}` : null],
};

const cors: LiveKind = {
  name: 'CORS',
  values: (index) => ({ CORS_MAX_AGE_S: index, CORS_ORIGINS: isFull(index) ? OURS : '' }),
  effect: async (app) => {
    const { headers } = await app.http.send('/live', {
      method: 'OPTIONS',
      headers: { origin: OURS, 'access-control-request-method': 'GET' },
    });
    return [headers.get('access-control-allow-origin'), headers.get('access-control-max-age')];
  },
  expected: (index) => (isFull(index) ? [OURS, String(index)] : [null, null]),
};

const rateLimits: LiveKind = {
  name: 'rate limits',
  values: (index) => ({
    RATE_LIMIT_POLICIES: isFull(index) ? [{ name: 'wide', limit: 1_000_000 + index, by: 'all' }] : [],
  }),
  effect: async (app) => named((await get(app, '/rate-limits')).policies, 'wide')?.limit,
  expected: (index) => (isFull(index) ? 1_000_000 + index : undefined),
};

const delayMs = (index: number) => 1 + (index % 20);

/** One that does what it says, and one that no call meets. */
const faults: LiveKind = {
  name: 'fault injection',
  values: (index) => ({
    CHAOS_FAULTS: [
      { id: 'slow', kind: 'latency', delayMs: delayMs(index), routes: ['/live'], percentage: 1 },
      ...(isFull(index) ? [{ id: 'cut', kind: 'abort', code: 'UNAVAILABLE', routes: ['/nowhere'] }] : []),
    ],
  }),
  effect: async (app) => {
    const { faults: active } = await get(app, '/chaos');
    return Object.fromEntries(active.map(({ id, delayMs: delay, code }: Body) => [id, delay ?? code]));
  },
  expected: (index) => ({ slow: delayMs(index), ...(isFull(index) && { cut: 'UNAVAILABLE' }) }),
};

const flags: LiveKind = {
  name: 'feature flags',
  values: (index) => ({ FEATURE_FLAGS: [{ name: 'live', enabled: isFull(index) }] }),
  effect: (app) => app.get(FeatureFlags).isOn('live'),
  expected: isFull,
};

/** By the source that says them. */
export const LIVE_KINDS: Readonly<Record<'file' | 'etcd', readonly LiveKind[]>> = {
  file: [texts, logging, tracing, pool, policies, shedding, middlewares],
  etcd: [cors, rateLimits, faults, flags],
};

/** What a source says at its change number `index`. */
export function valuesAt(source: 'file' | 'etcd', index: number): Values {
  return Object.assign({}, ...LIVE_KINDS[source].map(({ values }) => values(index))) as Values;
}

/** What each kind of both sources shows, and what it should, by its name. */
export async function effects(
  app: TestApp,
  indexes: Readonly<Record<'file' | 'etcd', number>>,
): Promise<{ readonly shown: Values; readonly expected: Values }> {
  const shown: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  for (const source of ['file', 'etcd'] as const)
    for (const kind of LIVE_KINDS[source]) {
      shown[kind.name] = await kind.effect(app);
      expected[kind.name] = kind.expected(indexes[source]);
    }
  return { shown, expected };
}
