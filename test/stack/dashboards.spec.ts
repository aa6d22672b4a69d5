import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GridPos } from '@grafana/grafana-foundation-sdk/dashboard';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildDashboards } from '../../grafana/dashboards.js';
import type { FeatureRow } from '../../grafana/feature-row.js';
import { readFeatureRows } from '../../grafana/feature-rows.js';
import { parts, readDashboards, type DashboardFile } from './dashboard-files.js';
import { GrafanaSchema } from './grafana-schema.js';
import { substitute, variablesIn } from './grafana-variables.js';
import { namesIn } from './promql.js';
import { checkLogql, checkTraceql, labelsInLogql } from './query-languages.js';

const COLUMNS = 24;
/** What every query of the service's own metrics selects by. */
const SELECTED = ['job', 'service', 'env', 'instance'];
/** Alerts and recorded series (whose names have colons) are those of a service as a whole. */
const OF_SERVICES = /^ALERTS$|:/;
const DATA_SOURCES = { prometheus: '${datasource}', loki: 'loki', tempo: 'tempo' };
/** Values for checks of the syntax. */
const SOME = {
  ...Object.fromEntries(
    ['env', 'service', 'instance', 'level', 'route', 'request_id'].map((name) => [name, name]),
  ),
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  __rate_interval: '1m',
  __range: '1h',
  __auto: '1m',
};

const dashboards = readDashboards();
const byName = dashboards.map((file) => [file.name, file] as const);

test('the files are what grafana/ says (npm run dashboards)', async () => {
  const made = buildDashboards(await readFeatureRows());
  expect(dashboards.map(({ name }) => name)).toEqual(made.map(({ uid }) => `${uid}.json`).toSorted());
  for (const { json } of dashboards)
    expect(json).toEqual(JSON.parse(JSON.stringify(made.find(({ uid }) => uid === json.uid))));
});

test("are what Grafana's schemas allow: dashboards, options of panels, queries", () => {
  const schema = new GrafanaSchema();
  expect(dashboards.flatMap((file) => schemaFaults(schema, file))).toEqual([]);
}, 120_000);

describe.each(byName)('%s', (_name, { json, all, panels, variables }) => {
  test('every panel says what it shows, in a unit, under a title of its own', () => {
    for (const { title, description, targets, fieldConfig } of panels) {
      expect(description, title).toMatch(/\w{3}.*[.?]$/);
      if (targets[0]?.datasource.type === 'prometheus')
        expect(fieldConfig.defaults.unit, title).toEqual(expect.any(String));
    }
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });

  test('panels have numbers of their own and fill the columns without overlapping', () => {
    const ids = all.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = all.flatMap(({ gridPos, title }) => cellsOf(gridPos, String(title)));
    expect(new Set(cells).size).toBe(cells.length);
    const bottom = Math.max(...all.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
    expect(cells.length).toBe(bottom * COLUMNS);
  });

  test('queries go to the data source that the reader chose, or to a provisioned one', () => {
    for (const { title, targets } of panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { datasource } of targets)
        expect(DATA_SOURCES, title).toMatchObject({ [datasource.type]: datasource.uid });
      const refs = targets.map(({ refId }) => refId);
      expect(refs, title).toEqual([...new Set(refs)]);
    }
  });

  test('uses every variable that it defines, and no other one', () => {
    const defined = variables.map(({ name }) => name);
    expect(defined.slice(0, 4)).toEqual(['datasource', 'env', 'service', 'instance']);
    const used = variablesIn(
      JSON.stringify({ panels: json.panels, annotations: json.annotations, variables }),
    );
    expect([...new Set(used)].toSorted()).toEqual(defined.toSorted());
  });

  test('PromQL selects by job, service, env and instance; LogQL and TraceQL by service and environment', () => {
    const expressions = panels.flatMap(({ targets }) =>
      targets.filter(({ datasource }) => datasource.type === 'prometheus'),
    );
    const annotations = json.annotations?.list ?? [];
    for (const { expr = '' } of [...expressions, ...annotations])
      for (const { metric, labels } of namesIn(substitute(expr, SOME)).selectors)
        expect(labels, expr).toEqual(
          expect.arrayContaining(OF_SERVICES.test(metric) ? ['service', 'env'] : SELECTED),
        );
    for (const { datasource, expr = '', query = '' } of panels.flatMap(({ targets }) => targets)) {
      if (datasource.type === 'loki') {
        checkLogql(substitute(expr, SOME));
        expect(labelsInLogql(expr).streams).toEqual(['service_name', 'deployment_environment_name', 'level']);
      }
      if (datasource.type === 'tempo') checkTraceql(substitute(query, SOME));
      if (datasource.type === 'tempo' && query !== '$trace_id')
        expect(variablesIn(query)).toEqual(expect.arrayContaining(['service', 'env']));
    }
  });

  test('its links lead to dashboards that are there, or to a runbook', () => {
    const urls = [...JSON.stringify(json).matchAll(/"url":"([^"]+)"/g)].map(([, url = '']) => url);
    for (const url of urls) {
      const uid = /^\/d\/([\w-]+)\?/.exec(url)?.[1];
      if (uid === undefined) expect(url).toMatch(/\/docs\/runbooks\/[a-z]+(-[a-z]+)*\.md$/);
      else expect(dashboards.map((other) => other.json.uid)).toContain(uid);
    }
    expect(json.links).toMatchObject([
      { type: 'dashboards', tags: json.tags, includeVars: true, keepTime: true },
    ]);
  });
});

describe('the rows of features', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'feature-rows-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const overviewOf = (rows: readonly FeatureRow[]) => {
    const [overview] = buildDashboards(rows);
    if (!overview) throw new TypeError('There is no overview');
    return parts('', overview);
  };

  test('without one the overview is whole', async () => {
    expect(await readFeatureRows(folder)).toEqual([]);
    expect(await readFeatureRows(join(folder, 'not-there'))).toEqual([]);
    const shipped = overviewOf(await readFeatureRows());
    const bare = overviewOf([]);
    const alike = shipped.panels.slice(0, bare.panels.length);
    expect(JSON.stringify(bare.panels)).toBe(JSON.stringify(alike));
  });

  test('each has the calls of its transports and its own panels', () => {
    const queries = [{ expr: 'rate(invoices_paid_total[$__rate_interval])', legend: 'paid' }];
    const row: FeatureRow = {
      title: 'Invoices',
      route: '/v1/invoices\\.x.*',
      rpcService: 'invoices.v1.InvoiceService',
      panels: [{ title: 'Paid', description: 'Invoices paid.', unit: 'cps', queries }],
    };
    const bare = overviewOf([]);
    const { all, panels } = overviewOf([row]);
    expect(all.slice(bare.all.length).map(({ title }) => title)).toEqual([
      'Invoices',
      'Invoices, REST: rate by route',
      'Invoices, REST: share of errors by route',
      'Invoices, REST: latency',
      'Invoices, gRPC: rate by method',
      'Invoices, gRPC: share of errors by method',
      'Invoices, gRPC: latency',
      'Paid',
    ]);
    const texts = panels.slice(bare.panels.length).map(({ targets }) => targets[0]?.expr);
    expect(texts[0]).toContain(String.raw`http_route=~"/v1/invoices\\.x.*"`);
    expect(texts[3]).toContain('rpc_service="invoices.v1.InvoiceService"');
    expect(texts[6]).toBe(queries[0]?.expr);
  });

  test.each([
    ['export const rows = {};', /invoices\.row\.ts must export a FeatureRow as "row"/],
    [
      'export const row = { title: "Invoices" };',
      /invoices\.row\.ts is empty: give it a route, an rpcService or panels/,
    ],
  ])('%s is refused', async (text, message) => {
    writeFileSync(join(folder, 'invoices.row.ts'), text);
    await expect(readFeatureRows(folder)).rejects.toThrow(message);
  });
});

function schemaFaults(schema: GrafanaSchema, { name, json, all, panels }: DashboardFile): string[] {
  const withoutQueries = all.map((panel) => ('targets' in panel ? { ...panel, targets: [] } : panel));
  return [
    ...schema.faults('dashboard', 'Dashboard', { ...json, panels: withoutQueries }),
    ...panels.flatMap(({ type, options, fieldConfig, targets }) => {
      const part = type.replace('-', '');
      return [
        // The SDK knows no options of a panel of traces: Grafana has none.
        ...(type === 'traces' ? [] : schema.faults(part, 'Options', options)),
        ...(fieldConfig?.defaults.custom
          ? schema.faults(part, 'FieldConfig', fieldConfig.defaults.custom)
          : []),
        ...targets.flatMap((target) => {
          const source = target.datasource.type;
          return schema.faults(source, source === 'loki' ? 'dataquery' : 'Dataquery', target);
        }),
      ];
    }),
  ].map((fault) => `${name}: ${fault}`);
}

/** Its cells of the grid; the title is for the message. */
function cellsOf(gridPos: GridPos | undefined, title: string): string[] {
  const { x, y, w, h } = gridPos ?? { x: -1, y: -1, w: 0, h: 0 };
  expect([x >= 0, y >= 0, w > 0, h > 0, x + w <= COLUMNS], title).toEqual([true, true, true, true, true]);
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
}
