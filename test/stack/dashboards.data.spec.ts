import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { buildDashboards } from '../../grafana/dashboards.js';
import { PROJECT } from '../support/build.js';
import { PrometheusServer } from '../support/prometheus-server.js';
import { parts, readDashboards, type Target } from './dashboard-files.js';
import { labelValuesOf, substitute, type VariableValues } from './grafana-variables.js';
import { ObservedServices } from './observed-services.js';
import { namesIn } from './promql.js';
import { labelsInLogql } from './query-languages.js';

const RULES = join(PROJECT, 'docker/prometheus');
const SCRAPE_S = 1;
/** Grafana takes at least four scrapes; on a busy machine some fail. */
const RATE_S = 10;
/** Their queries differ in what they select: the probe stands for them. */
const PROBE = { title: 'Probe', route: '/probe.*', rpcService: 'probe.v1.ProbeService' };
/** An alert that fires at once, so that there is one to count. */
const ALERT = 'groups: [{ name: always, rules: [{ alert: Always, expr: service_info }] }]';
/**
 * What did not happen here: nobody had too many keys, connections or calls, and the log was read; or what only a scrape in the
 * middle of a write sees. Each has its own tests.
 */
const NOTHING = new Set([
  'Keys forgotten early A',
  'Connections refused A',
  'Log lines missing A',
  'Entries waiting A',
  'Calls refused for overload A',
  'Refused by priority A',
]);
/** Given by Prometheus, not by `/metrics`. */
const OF_PROMETHEUS = new Set(['up', 'ALERTS']);

interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

const overviews = buildDashboards([PROBE]).slice(0, 1);
const dashboards = [
  ...overviews.map((json) => parts('service-overview.json', json)),
  ...readDashboards().filter(({ name }) => name !== 'service-overview.json'),
];

let services: ObservedServices;
let prometheus: PrometheusServer;
let from: number;
let until: number;
let values: VariableValues;
beforeAll(async () => {
  services = await ObservedServices.start(inject('postgresUrl'));
  prometheus = await PrometheusServer.start({
    config: configFor(services.targets),
    files: {
      'recording.yml': readFileSync(join(RULES, 'rules/recording.yml'), 'utf8').replaceAll(
        /^ +interval: .*\n/gm,
        '',
      ),
      'alert.yml': ALERT,
    },
  });
  from = Date.now() / 1000;
  await services.run(async (expr) => (await prometheus.query(expr)).length > 0);
  until = Date.now() / 1000;
  values = await resolve(dashboards[0]?.variables ?? []);
}, 300_000);
afterAll(async () => {
  await prometheus?.stop();
  await services?.[Symbol.asyncDispose]();
});

test('the variables offer what is scraped', () => {
  expect(values).toMatchObject({ env: ['development'], service: ['nest-chassis'] });
  expect(values['instance']).toEqual(services.targets.toSorted());
});

describe.each(dashboards.map((file) => [file.name, file] as const))('%s', (_name, { json, panels }) => {
  test('every query of every panel has data, with the labels that its legend names', async () => {
    const empty: string[] = [];
    for (const { title, targets } of panels)
      for (const target of targets.filter(({ datasource }) => datasource.type === 'prometheus')) {
        const series = await seriesOf(target);
        const named = [...(target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(
          ([, label = '']) => label,
        );
        if (!series.some(({ metric }) => named.every((label) => label in metric)))
          empty.push(`${title} ${target.refId}: ${target.expr}`);
      }
    expect(empty).toEqual([]);
  });

  test('what happened shows: no curve lies at 0 all the time', async () => {
    const flat: string[] = [];
    for (const { title, targets } of panels)
      for (const target of targets.filter(isCurve)) {
        const numbers = await numbersOf(target);
        if (numbers.every((value) => value === 0)) flat.push(`${title} ${target.refId}`);
      }
    expect(flat.filter((name) => !NOTHING.has(name))).toEqual([]);
  });

  test('every annotation marks something', async () => {
    for (const { name, expr = '' } of json.annotations?.list ?? []) {
      const marks = (await range(expr))
        .flatMap((series) => series.values)
        .filter(([, value]) => Number(value) > 0);
      expect(marks.length, name).toBeGreaterThan(0);
    }
  });

  test('metrics and labels are those of the scrape', async () => {
    const expressions = [
      ...panels.flatMap(({ targets }) =>
        targets.filter(({ datasource }) => datasource.type === 'prometheus'),
      ),
      ...(json.annotations?.list ?? []),
    ].map(({ expr = '' }) => substitute(expr, values));
    for (const { metric, labels } of expressions.flatMap((expr) => namesIn(expr).selectors)) {
      if (OF_PROMETHEUS.has(metric)) continue;
      const known = await prometheus.get<string[]>(`/api/v1/labels?match[]=${encodeURIComponent(metric)}`);
      expect(known, metric).toEqual(expect.arrayContaining([...labels]));
    }
  });

  test('where a panel shows exemplars, there are some', async () => {
    for (const { title, targets } of panels)
      for (const { expr = '' } of targets.filter(({ exemplar }) => exemplar)) {
        const query = `query=${encodeURIComponent(substitute(expr, values))}&start=${from}&end=${until}`;
        const found = await prometheus.get<{ exemplars: { labels: object }[] }[]>(
          `/api/v1/query_exemplars?${query}`,
        );
        expect(found[0]?.exemplars[0]?.labels, title).toHaveProperty('trace_id');
      }
  });
});

test('queries of the log filter by fields that lines have', () => {
  const fields = new Set(services.lines.flatMap((line) => Object.keys(line)));
  for (const { datasource, expr = '' } of dashboards.flatMap(({ panels }) =>
    panels.flatMap(({ targets }) => targets),
  ))
    if (datasource.type === 'loki')
      for (const field of labelsInLogql(expr).fields)
        if (!field.startsWith('__')) expect(fields).toContain(field);
});

interface ScrapeJob {
  readonly job_name: string;
  readonly static_configs: readonly { readonly labels: object }[];
}

/** The shipped job of the service with these targets, scraped often. */
function configFor(targets: readonly string[]): string {
  const shipped = parse(readFileSync(join(RULES, 'prometheus.yml'), 'utf8')) as {
    scrape_configs: ScrapeJob[];
  };
  const jobs = shipped.scrape_configs
    .filter(({ job_name: name }) => name === 'service')
    .map((job) => ({ ...job, static_configs: job.static_configs.map((group) => ({ ...group, targets })) }));
  return stringify({
    global: { scrape_interval: `${SCRAPE_S}s`, evaluation_interval: `${SCRAPE_S}s` },
    rule_files: ['recording.yml', 'alert.yml'],
    scrape_configs: jobs,
  });
}

/** All values of each variable, in their order: as a dashboard opens. */
async function resolve(variables: readonly VariableModel[]): Promise<VariableValues> {
  const resolved: Record<string, string | string[]> = {
    __rate_interval: `${RATE_S}s`,
    __range: `${Math.ceil(until - from)}s`,
  };
  for (const variable of variables.filter(({ definition }) => definition !== undefined)) {
    const { selector, label } = labelValuesOf(variable);
    const match = encodeURIComponent(substitute(selector, resolved));
    resolved[variable.name] = await prometheus.get<string[]>(
      `/api/v1/label/${label}/values?match[]=${match}`,
    );
  }
  return resolved;
}

function isCurve({ datasource, instant = false }: Target): boolean {
  return datasource.type === 'prometheus' && !instant;
}

/** Series with a number, as the panel asks for them. */
async function seriesOf({ expr = '', instant = false }: Target): Promise<RangeSeries[]> {
  const all = instant ? await atTheEnd(expr) : await range(expr);
  return all.filter((series) => series.values.some(([, value]) => value !== 'NaN'));
}

async function numbersOf(target: Target): Promise<number[]> {
  return (await seriesOf(target)).flatMap((series) => series.values.map(([, value]) => Number(value)));
}

async function atTheEnd(expr: string): Promise<RangeSeries[]> {
  const query = encodeURIComponent(substitute(expr, values));
  const { result } = await prometheus.get<{
    result: Omit<RangeSeries & { value: [number, string] }, 'values'>[];
  }>(`/api/v1/query?query=${query}&time=${until}`);
  return result.map(({ metric, value }) => ({ metric, values: [value] }));
}

async function range(expr: string): Promise<readonly RangeSeries[]> {
  const query = encodeURIComponent(substitute(expr, values));
  const { result } = await prometheus.get<{ result: RangeSeries[] }>(
    `/api/v1/query_range?query=${query}&start=${from}&end=${until}&step=${SCRAPE_S}`,
  );
  return result;
}
