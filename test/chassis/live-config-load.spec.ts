import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually, order, ProbeModule, Probes, TestApp } from '../support/index.js';
import { EtcdServer } from '../support/etcd-server.js';
import { LiveRpcs, liveService } from '../support/live-service.js';
import { createDatabase } from '../support/postgres.js';
import { Scrape } from '../support/scrape.js';

const isSoak = process.env['SOAK'] !== undefined;
const CHANGES = isSoak ? 2000 : 100;
/** Every fifth change is one that must be refused. */
const isWrong = (index: number) => index % 5 === 4;
const directory = mkdtempSync(join(tmpdir(), 'live-load-'));
const file = join(directory, 'app.yaml');

type Values = Readonly<Record<string, unknown>>;

/** Both texts always change together: a call that sees one old and one new has read half of a change. */
const inFile = (index: number): Values => ({
  GREETING: `text ${index}`,
  FAREWELL: `text ${index}`,
  DATABASE_POOL_MAX: 3 + (index % 4),
  OTEL_TRACES_SAMPLER_ARG: (index % 10) / 10,
  LOG_LEVEL: index % 4 === 0 ? 'warn' : 'info',
});
const inEtcd = (index: number): Values => ({
  CORS_MAX_AGE_S: index,
  CORS_ORIGINS: index % 4 === 1 ? 'https://app.example.org' : '',
  LOG_CALL_SAMPLE_RATIO: (index % 3) / 10,
  LOG_LEVELS: `Database=${index % 4 === 1 ? 'debug' : 'warn'}`,
  RATE_LIMIT_POLICIES: index % 4 === 1 ? [{ name: 'wide', limit: 1_000_000 + index, by: 'all' }] : [],
});
/** What must be refused, and what is said of it. */
const WRONG: readonly (readonly [Values, RegExp])[] = [
  [{ DATABASE_POOL_MAX: 0 }, /^Configuration is not valid. DATABASE_POOL_MAX \(from .*\): Too small/],
  [{ CORS_ORIGINS: '*', CORS_CREDENTIALS: 'true' }, /^CORS_CREDENTIALS=true needs/],
  [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL \(from .*\): Invalid option/],
  [{ MISSPELT: 1 }, /has keys that no schema knows: MISSPELT/],
];

let etcd: EtcdServer;
let app: TestApp;

/** The newest contents of the two sources. */
const said: { file: Values; etcd: Values } = { file: inFile(0), etcd: inEtcd(0) };

async function writeFile(values: Values): Promise<void> {
  writeFileSync(`${file}.new`, stringify(values));
  renameSync(`${file}.new`, file);
}
const putEtcd = (values: Values) => etcd.put('config/test/all.yaml', stringify(values));

beforeAll(async () => {
  etcd = await EtcdServer.start();
  await writeFile(said.file);
  await putEtcd(said.etcd);
  app = await TestApp.start({
    service: liveService,
    imports: [ProbeModule],
    config: {
      CONFIG_FILES: file,
      ETCD_ENDPOINTS: etcd.url,
      ETCD_CONFIG_PREFIX: 'config/test/',
      CONFIG_SNAPSHOT_FILE: join(directory, 'snapshot.json'),
      DATABASE_URL: await createDatabase(inject('postgresUrl')),
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    },
    logTo: { write: () => undefined },
  });
});
afterAll(async () => {
  await app.stop();
  await etcd.stop();
  rmSync(directory, { recursive: true });
});

/** Calls of every kind until `stop`, which gives what failed, what was torn, and how many there were. */
function startLoad() {
  const failures: unknown[] = [];
  let calls = 0;
  const end = new AbortController();
  const assertWhole = ({ first, last, farewell }: Record<string, string>): void => {
    expect([last, farewell]).toEqual([first, first]);
  };
  const works = [
    async () => assertWhole((await app.http.get('/live?wait=5')).body as Record<string, string>),
    async () => {
      const { metadata } = await app.grpc.unary(LiveRpcs.unary, {
        ...order('read'),
        metadata: { wait: '5' },
      });
      assertWhole(metadata);
    },
    async () => expect((await app.http.get('/probe/select')).status).toBe(200),
    () => app.grpc.unary(Probes.unary, order('select')),
  ];
  const running = [...works, ...works].map(async (work) => {
    for (; !end.signal.aborted; calls++) await work().catch((error: unknown) => failures.push(error));
  });
  return async () => {
    end.abort();
    await Promise.all(running);
    return { failures, calls };
  };
}

const refusal = async () =>
  (await app.management.get('/config')).body.refused as { at: string; reason: string } | null;

/** Says something that must be refused, and then what was right before. */
async function sayWrong(index: number): Promise<void> {
  const [values, reason] = WRONG[Math.floor(index / 5) % WRONG.length] as (typeof WRONG)[number];
  const source = index % 2 === 0 ? 'file' : 'etcd';
  const say = source === 'file' ? writeFile : putEtcd;
  const before = await refusal();
  const { revision } = app.service.config;
  await say({ ...said[source], ...values });
  await eventually(`${JSON.stringify(values)} is refused`, async () => {
    const now = await refusal();
    return now !== null && now.at !== before?.at;
  });
  expect((await refusal())?.reason).toMatch(reason);
  expect(app.service.config.revision).toBe(revision);
  await say(said[source]);
}

/** Says something new; returns the time until it holds, in milliseconds. */
async function sayRight(index: number): Promise<number> {
  const { config } = app.service;
  const begin = performance.now();
  const taken = new Promise<void>((resolve) => {
    const end = config.prepareChange(['CORS_MAX_AGE_S', 'GREETING' as never], ({ next }) => ({
      commit: () => {
        const values = next as unknown as Record<string, unknown>;
        if (values['GREETING'] !== `text ${index}` && next.CORS_MAX_AGE_S !== index) return;
        end();
        resolve();
      },
    }));
  });
  if (index % 2 === 0) await writeFile((said.file = inFile(index)));
  else await putEtcd((said.etcd = inEtcd(index)));
  await taken;
  return performance.now() - begin;
}

test(
  'changes of all live keys under load fail no call and tear none; wrong ones are refused',
  async () => {
    const stop = startLoad();
    const times: { file: number[]; etcd: number[] } = { file: [], etcd: [] };
    try {
      for (let index = 1; index <= CHANGES; index++) {
        if (isWrong(index)) await sayWrong(index);
        else times[index % 2 === 0 ? 'file' : 'etcd'].push(await sayRight(index));
      }
    } finally {
      // Whatever has failed: the calls must not go on for ever.
      await stop();
    }
    const { failures, calls } = await stop();
    const quantile = (of: number[], share: number) =>
      Math.round(of.toSorted((a, b) => a - b)[Math.ceil(of.length * share) - 1] ?? Infinity);
    const figures = Object.entries(times).map(
      ([name, of]) => `${name}: p50 ${quantile(of, 0.5)} ms, p99 ${quantile(of, 0.99)} ms`,
    );
    process.stdout.write(`${calls} calls, ${CHANGES} changes; time to effect: ${figures.join('; ')}\n`);
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(CHANGES);
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
  isSoak ? 900_000 : 60_000,
);
