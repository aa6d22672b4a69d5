import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { faultsOf, readCompose, textOf, yamlOf } from './stack-files.js';

interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly url: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

describe('Tempo', () => {
  const tempo = yamlOf('docker/tempo/tempo.yaml');

  test('has keys that version 3 knows', () => {
    expect(faultsOf(tempo, 'tempo.json')).toEqual([]);
  });

  test('plans and does the deletion of old traces by one time', () => {
    const planned = tempo['backend_scheduler'].provider.compaction.compaction.block_retention;
    expect(tempo['backend_worker'].compaction.block_retention).toBe(planned);
  });
});

describe('Loki', () => {
  const loki = yamlOf('docker/loki/loki.yaml');

  test('has keys that version 3.7 knows', () => {
    expect(faultsOf(loki, 'loki.json')).toEqual([]);
  });

  test('takes lines as old as it keeps, and deletes older ones', () => {
    const { limits_config: limits, compactor } = loki;
    expect(limits.reject_old_samples_max_age).toBe(limits.retention_period);
    expect(compactor.retention_enabled).toBe(true);
  });

  test('indexes the few labels that the log shipper sets', () => {
    const [{ attributes }] = loki['limits_config'].otlp_config.resource_attributes.attributes_config;
    expect(attributes).toEqual(['service.name', 'deployment.environment.name', 'level']);
    const shipper = textOf('docker/log-shipper/log-shipper.yaml');
    for (const name of attributes)
      expect(shipper).toMatch(new RegExp(`to: resource(\\["${name}"\\]|\\.${name}$)`, 'm'));
  });
});

describe("Grafana's data sources", () => {
  const { datasources }: { datasources: readonly DataSource[] } = yamlOf(
    'docker/grafana/provisioning/datasources/datasources.yaml',
  );
  const settingsOf = (uid: string) =>
    JSON.stringify(datasources.find((source) => source.uid === uid)?.jsonData);

  test('have settings that Grafana 13 knows', () => {
    expect(
      faultsOf(
        yamlOf('docker/grafana/provisioning/datasources/datasources.yaml'),
        'grafana-provisioning.json',
      ),
    ).toEqual([]);
  });

  test('have the uids that dashboards and links name', () => {
    expect(datasources.map(({ uid, type }) => [uid, type])).toEqual([
      ['prometheus', 'prometheus'],
      ['tempo', 'tempo'],
      ['loki', 'loki'],
    ]);
  });

  test('lead to each other: exemplar → trace, span → lines and rates, line → trace', () => {
    const known = new Set(datasources.map(({ uid }) => uid));
    const linked = (uid: string) =>
      [...settingsOf(uid).matchAll(/"datasourceUid":"([^"]+)"/g)].map(([, to]) => to);
    expect([linked('prometheus'), linked('tempo'), linked('loki')]).toEqual([
      ['tempo'],
      ['loki', 'prometheus'],
      ['tempo'],
    ]);
    for (const uid of known) for (const to of linked(uid)) expect(known).toContain(to);
  });

  test('write a variable of Grafana as $$: a single $ is one of the environment', () => {
    const text = textOf('docker/grafana/provisioning/datasources/datasources.yaml').replaceAll(/#.*$/gm, '');
    expect(text.match(/(?<!\$)\$(?!\$)\w*/g) ?? []).toEqual([]);
  });

  test('ask Prometheus for span metrics in PromQL', () => {
    const links = datasources[1]?.jsonData['tracesToMetrics'] as { queries: { query: string }[] } | undefined;
    expect(links?.queries).toHaveLength(3);
    for (const { query } of links?.queries ?? []) {
      const filled = query
        .replaceAll('$$__tags', 'service_name="shop"')
        .replaceAll('$${__span.name}', 'GET /v1/things');
      expect(filled).not.toContain('$');
      expect(syntaxFaultsOf(filled), filled).toEqual([]);
    }
    expect(syntaxFaultsOf('sum(rate(x[5m])')).not.toEqual([]);
  });

  test('have the interval that Prometheus scrapes at', () => {
    const { global }: { global: { scrape_interval: string } } = yamlOf('docker/prometheus/prometheus.yml');
    expect(datasources[0]?.jsonData['timeInterval']).toBe(global.scrape_interval);
  });
});

test("Grafana's dashboards are found where compose mounts them", () => {
  const path = 'docker/grafana/provisioning/dashboards/dashboards.yaml';
  expect(faultsOf(yamlOf(path), 'grafana-provisioning.json')).toEqual([]);
  const { providers }: { providers: { options: { path: string } }[] } = yamlOf(path);
  const { volumes = [], environment = {} } = readCompose().services['grafana'] ?? {};
  expect(volumes).toContain(`../grafana/dashboards:${providers[0]?.options.path}:ro,z`);
  expect(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(
    `${providers[0]?.options.path}/service-overview.json`,
  );
});

test("Prometheus' labels of the service are its name and its profile", () => {
  const {
    scrape_configs: jobs,
  }: {
    scrape_configs: { job_name: string; static_configs: { labels: Record<string, string> }[] }[];
  } = yamlOf('docker/prometheus/prometheus.yml');
  const { environment = {} } = readCompose().services['service'] ?? {};
  const labels = jobs.find(({ job_name: name }) => name === 'service')?.static_configs[0]?.labels;
  expect(labels).toMatchObject({ service: environment['SERVICE_NAME'], env: environment['APP_ENV'] });
});

function syntaxFaultsOf(query: string): string[] {
  const faults: string[] = [];
  parser.parse(query).iterate({
    enter: (node) =>
      void (node.type.isError && faults.push(`${node.from}: ${query.slice(node.from, node.from + 20)}`)),
  });
  return faults;
}
