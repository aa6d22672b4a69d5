import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually, TestApp } from '../support/index.js';
import { EtcdServer } from '../support/etcd-server.js';
import { effects, valuesAt, type Values } from '../support/live-kinds.js';
import { LOAD_KINDS, LoadModule, StampMiddleware, startLoad } from '../support/live-load.js';
import { liveService } from '../support/live-service.js';
import { createDatabase } from '../support/postgres.js';
import { Scrape } from '../support/scrape.js';

const isSoak = process.env['SOAK'] !== undefined;
const CHANGES = isSoak ? 2000 : 50;
/** Every fifth change is one that must be refused. */
const isWrong = (index: number) => index % 5 === 4;
const directory = mkdtempSync(join(tmpdir(), 'live-load-'));
const file = join(directory, 'app.yaml');

/** What must be refused, of either source, and what is said of it. */
const WRONG: readonly (readonly [Values, RegExp])[] = [
  [{ DATABASE_POOL_MAX: 0 }, /^Configuration is not valid. DATABASE_POOL_MAX \(from .*\): Too small/],
  [
    { CORS_ORIGINS: '*', CORS_CREDENTIALS: 'true' },
    /^Configuration is not valid. CORS_CREDENTIALS \(from .*\): must be false/,
  ],
  [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL \(from .*\): Invalid option/],
  [{ MISSPELT: 1 }, /has keys that no schema knows: MISSPELT/],
  [{ OTEL_TRACES_SAMPLER_ARG: 2 }, /OTEL_TRACES_SAMPLER_ARG \(from .*\): Too big/],
  [{ RATE_LIMIT_POLICIES: [{ name: 'wide' }] }, /RATE_LIMIT_POLICIES\S* \(from .*\): must be/],
  [
    { RESILIENCE_POLICIES: [{ name: 'live', routes: ['*'], retry: 7 }] },
    /RESILIENCE_POLICIES\S* \(from .*\): /,
  ],
  [{ LOAD_SHEDDING_CPU_RATIO: 2 }, /LOAD_SHEDDING_CPU_RATIO \(from .*\): Too big/],
  [
    { CHAOS_FAULTS: [{ kind: 'latency', delayMs: 1, routes: ['*'] }] },
    /CHAOS_FAULTS\S* \(from .*\): must be/,
  ],
  [{ MIDDLEWARES: [{ name: 'stamp', settings: { text: 7 } }] }, /stamp/],
  [{ FEATURE_FLAGS: [{ name: 'live' }, { name: 'live' }] }, /FEATURE_FLAGS \(from .*\): must have each name/],
];

let etcd: EtcdServer;
let app: TestApp;

type Source = 'file' | 'etcd';

/** The last change that each of the sources has said, from which on it holds. */
const said = { file: 0, etcd: 0 };
const sourceOf = (index: number): Source => (index % 2 === 0 ? 'file' : 'etcd');
const say = async (source: Source, values: Values): Promise<void> => {
  if (source === 'etcd') return void (await etcd.put('config/test/all.yaml', stringify(values)));
  writeFileSync(`${file}.new`, stringify(values));
  renameSync(`${file}.new`, file);
};

beforeAll(async () => {
  etcd = await EtcdServer.start();
  await say('file', valuesAt('file', said.file));
  await say('etcd', valuesAt('etcd', said.etcd));
  app = await TestApp.start({
    service: liveService,
    imports: [LoadModule],
    config: {
      CONFIG_FILES: file,
      ETCD_ENDPOINTS: etcd.url,
      ETCD_CONFIG_PREFIX: 'config/test/',
      CONFIG_SNAPSHOT_FILE: join(directory, 'snapshot.json'),
      DATABASE_URL: await createDatabase(inject('postgresUrl')),
      // Nobody is there; spans are made all the same.
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      SHUTDOWN_TELEMETRY_MS: 100,
    },
    logTo: { write: () => undefined },
  });
});
afterAll(async () => {
  await app.stop();
  await etcd.stop();
  rmSync(directory, { recursive: true });
});

const refusal = async () =>
  (await app.management.get('/config')).body.refused as { at: string; reason: string } | null;

/** Every kind shows what its source has said last. */
async function expectEffects(): Promise<void> {
  const { shown, expected } = await effects(app, said);
  expect(shown).toEqual(expected);
}

/** Says something that must be refused, and then what was right before. */
async function sayWrong(index: number): Promise<void> {
  const [values, reason] = WRONG[Math.floor(index / 5) % WRONG.length] as (typeof WRONG)[number];
  // What etcd says wins: there, a file could say anything.
  const isOfEtcd = Object.keys(values).some((key) => key in valuesAt('etcd', index));
  const source = isOfEtcd ? 'etcd' : sourceOf(index);
  const before = await refusal();
  const { revision } = app.service.config;
  await say(source, { ...valuesAt(source, index), ...values });
  await eventually(`${JSON.stringify(values)} is refused`, async () => {
    const now = await refusal();
    return now !== null && now.at !== before?.at;
  });
  expect((await refusal())?.reason).toMatch(reason);
  expect(app.service.config.revision).toBe(revision);
  await expectEffects();
  await say(source, valuesAt(source, said[source]));
}

/** Says something new of every kind; returns the time until it holds, in milliseconds. */
async function sayRight(index: number): Promise<number> {
  const source = sourceOf(index);
  const isTaken = (values: Values) =>
    source === 'file' ? values['GREETING'] === `text ${index}` : values['CORS_MAX_AGE_S'] === index;
  const begin = performance.now();
  const taken = new Promise<void>((resolve) => {
    const end = app.service.config.onChange(['CORS_MAX_AGE_S', 'GREETING' as never], ({ next }) => {
      if (!isTaken(next)) return;
      end();
      resolve();
    });
  });
  await say(source, valuesAt(source, index));
  await taken;
  const durationMs = performance.now() - begin;
  said[source] = index;
  await expectEffects();
  return durationMs;
}

const quantile = (of: readonly number[], share: number) =>
  Math.round(of.toSorted((a, b) => a - b)[Math.ceil(of.length * share) - 1] ?? Infinity);

test(
  'changes of all live keys under load fail no call and tear none; wrong ones are refused',
  async () => {
    const stop = startLoad(app);
    const times: Record<Source, number[]> = { file: [], etcd: [] };
    try {
      for (let index = 1; index <= CHANGES; index++) {
        if (isWrong(index)) await sayWrong(index);
        else times[sourceOf(index)].push(await sayRight(index));
      }
    } finally {
      // Whatever has failed: the calls must not go on for ever.
      await stop();
    }
    const { failures, calls } = await stop();
    const figures = Object.entries(times).map(
      ([name, of]) => `${name}: p50 ${quantile(of, 0.5)} ms, p99 ${quantile(of, 0.99)} ms`,
    );
    process.stdout.write(
      `calls ${JSON.stringify(calls)}, ${CHANGES} changes; time to effect: ${figures.join('; ')}\n`,
    );
    expect(failures).toEqual([]);
    for (const kind of LOAD_KINDS) expect(calls[kind], kind).toBeGreaterThan(CHANGES);
    const stamp = app.get(StampMiddleware);
    expect(stamp.torn).toEqual([]);
    expect(stamp.calls).toBeGreaterThan(CHANGES);
    // A machine that others use may stop for a second.
    for (const of of Object.values(times)) expect(quantile(of, isSoak ? 0.99 : 0.9)).toBeLessThan(1000);
    const scrape = await Scrape.of(app);
    // What one source says is refused again with another's, until it is right.
    expect(scrape.sum('config_reloads_total', { result: 'refused' })).toBeGreaterThanOrEqual(CHANGES / 5);
    expect(scrape.sum('config_reloads_total', { result: 'applied' })).toBeGreaterThanOrEqual(
      (CHANGES / 5) * 4,
    );
    expect(scrape.sum('database_pool_swaps_total', { result: 'swapped' })).toBeGreaterThan(CHANGES / 10);
  },
  isSoak ? 900_000 : 180_000,
);
