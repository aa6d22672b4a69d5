import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { PROJECT } from '../support/build.js';
import { eventually, PrometheusServer } from '../support/index.js';
import { AlertWatch } from './alert-watch.js';
import { faultsOf, type Fault } from './faults.js';
import { Fleet } from './fleet.js';
import { namesIn } from './promql.js';
import { shorten } from './shorten.js';

// Nothing here is timed: these limits are for a machine with a lot else to do.
const LIMIT_MS = 180_000;
vi.setConfig({ testTimeout: 2 * LIMIT_MS, hookTimeout: LIMIT_MS });

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[];
  }[];
}

const read = (file: string) => shorten(readFileSync(join(PROJECT, 'docker/prometheus', file), 'utf8'));
const recording = read('rules/recording.yml');
const alerting = read('rules/alerts.yml');
const rules = [recording, alerting].flatMap((text) =>
  (parse(text) as RuleFile).groups.flatMap((group) => group.rules),
);
const records = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
/** Each once: an alert may have several rules. */
const alerts = [...new Set(rules.flatMap(({ alert }) => alert ?? []))];

let fleet: Fleet;
let prometheus: PrometheusServer & AsyncDisposable;
let watch: AlertWatch;
beforeAll(async () => {
  fleet = await Fleet.start(inject('postgresUrl'));
  prometheus = await PrometheusServer.start({
    config: configOf(fleet),
    files: { 'recording.yml': recording, 'alerts.yml': alerting },
  });
  watch = new AlertWatch(prometheus);
});
afterAll(async () => {
  watch?.stop();
  await prometheus?.stop();
  await fleet?.[Symbol.asyncDispose]();
});

/** The shipped configuration, a scrape each second, with targets that exist here. */
function configOf({ targets, collector }: Fleet): string {
  const config = parse(read('prometheus.yml')) as {
    rule_files: string[];
    alerting?: unknown;
    scrape_configs: { job_name: string; static_configs: object[] }[];
  };
  const at = (service: string, address: string) => ({
    targets: [address],
    labels: { service, env: 'test' },
  });
  config.rule_files = ['recording.yml', 'alerts.yml'];
  delete config.alerting;
  config.scrape_configs = [
    { job_name: 'service', static_configs: targets.map(([name, address]) => at(name, address)) },
    { job_name: 'collector', static_configs: [at('collector', `127.0.0.1:${collector.port}`)] },
  ];
  return stringify(config);
}

test('every recording rule has data, and no alert fires while all is well', async () => {
  const missing = async () => {
    const results = await prometheus.query('group by (__name__) ({__name__=~".+:.+"})');
    const found = new Set(results.map(({ metric }) => metric['__name__']));
    return records.filter((record) => !found.has(record));
  };
  await eventually('all rules have data', async () => (await missing()).length === 0, 60_000).catch(
    async (error: unknown) => {
      expect(await missing(), String(error)).toEqual([]);
    },
  );
  await eventually('nothing fires', () => watch.isQuiet, LIMIT_MS);
});

test('every name of a metric or label in the rules is in what the services expose', async () => {
  const labels = new Map<string, Set<string>>();
  const series = await prometheus.get<Record<string, string>[]>('/api/v1/series?match[]={service!=""}');
  for (const { __name__: name = '', ...own } of series) {
    const known = labels.get(name) ?? new Set();
    labels.set(name, known);
    for (const label of Object.keys(own)) known.add(label);
  }
  const unknown = rules.flatMap(({ expr }) => {
    const { selectors, grouping } = namesIn(expr);
    const ofAny = new Set(selectors.flatMap(({ metric }) => [...(labels.get(metric) ?? [])]));
    return [
      ...selectors.filter(({ metric }) => !labels.has(metric)).map(({ metric }) => metric),
      ...selectors.flatMap(({ metric, labels: used }) =>
        used.filter((label) => !labels.get(metric)?.has(label)).map((label) => `${metric}{${label}}`),
      ),
      ...grouping.filter((label) => !ofAny.has(label)).map((label) => `by (${label}) in ${expr}`),
    ];
  });
  expect(unknown).toEqual([]);
});

test('exemplars are kept, and lead to traces that were exported', async () => {
  interface Exemplars {
    readonly exemplars: readonly { readonly labels: { readonly trace_id: string } }[];
  }
  const exported = () => new Set(fleet.traces.spans.map(({ traceId }) => traceId));
  for (const metric of ['http_server_request_duration_seconds', 'rpc_server_call_duration_seconds']) {
    await eventually(
      `exemplars of ${metric}`,
      async () => {
        const query = `query=${metric}_bucket{service="slow"}&start=${Date.now() / 1000 - 300}&end=${Date.now() / 1000}`;
        const found = await prometheus.get<Exemplars[]>(`/api/v1/query_exemplars?${query}`);
        const ids = found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
        return ids.some((id) => exported().has(id));
      },
      20_000,
    );
  }
});

test('every alert is brought to firing by its fault, and clears when it is mended', async () => {
  const faults = faultsOf(fleet, prometheus, inject('postgresUrl'));
  expect(faults.flatMap((fault) => fault.alerts).toSorted()).toEqual(alerts.toSorted());
  // It takes the service that another one stops and starts.
  const isLoop = ({ alerts: [first] }: Fault) => first === 'ServiceRestartLoop';
  const isDown = ({ alerts: [first] }: Fault) => first === 'ServiceDown';
  const [down] = faults.filter(isDown).map(run);
  const others = faults.filter((fault) => !isLoop(fault) && !isDown(fault)).map(run);
  const loop = down?.then(() => Promise.all(faults.filter(isLoop).map(run)));
  const rows = (await Promise.all([down, ...others, loop])).flat(2).filter((row) => row !== undefined);
  process.stdout.write(`${table(rows)}\n`);
});

interface Row {
  readonly alert: string;
  readonly fault: string;
  readonly firing: number;
  readonly cleared: number;
}

async function run({ what, service, alerts, cause, mend, isRepeated }: Fault): Promise<Row[]> {
  const fire = alerts.map(async (alert) => {
    const seconds = await watch.until(alert, service, true, LIMIT_MS);
    checkTexts(alert, service);
    return seconds;
  });
  const isEnough = () => !isRepeated || watch.isOver || alerts.every((alert) => watch.fires(alert, service));
  const happen = async (): Promise<void> => {
    do await cause();
    while (!isEnough());
  };
  const [firing] = await Promise.all([Promise.all(fire), happen()]);
  await mend();
  const cleared = await Promise.all(alerts.map((alert) => watch.until(alert, service, false, LIMIT_MS)));
  return alerts.map((alert, index) => ({
    alert,
    fault: what,
    firing: firing[index] ?? 0,
    cleared: cleared[index] ?? 0,
  }));
}

/** What whoever is woken reads. */
function checkTexts(alert: string, service: string): void {
  const { labels, annotations } = watch.find(alert, service) ?? {};
  expect(labels).toMatchObject({ severity: expect.stringMatching(/^(critical|warning)$/), env: 'test' });
  expect(Object.keys(annotations ?? {}).toSorted()).toEqual([
    'dashboard_url',
    'description',
    'runbook_url',
    'summary',
  ]);
  expect(Object.values(annotations ?? {}).join('\n')).not.toMatch(/<(error|no value)|NaN|=(&|$)/m);
  expect(annotations?.['dashboard_url']).toContain(`var-env=test&var-service=${service}`);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ alert, fault, firing, cleared }) =>
      `| ${alert.padEnd(24)} | ${fault.padEnd(38)} | ${firing.toFixed(0).padStart(8)} | ${cleared.toFixed(0).padStart(9)} |`,
  );
  const head = `| ${'alert'.padEnd(24)} | ${'fault'.padEnd(38)} | fires, s | clears, s |`;
  return [head, head.replaceAll(/[^|]/g, '-'), ...lines].join('\n');
}
