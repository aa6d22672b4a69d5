import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PROJECT } from '../support/build.js';
import { runTool } from '../support/index.js';
import { shorten } from './shorten.js';

const FOLDER = join(PROJECT, 'docker/prometheus');
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');

interface Alert {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const { groups } = parse(read('rules/alerts.yml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const unitTests = readdirSync(join(FOLDER, 'tests'));

function promtool(args: readonly string[]): void {
  const { status, output } = runTool('promtool', args, { cwd: FOLDER });
  expect(status, output).toBe(0);
}

test('promtool takes the configuration and the rules', () => {
  promtool(['check', 'config', 'prometheus.yml']);
  promtool(['check', 'rules', 'rules/recording.yml', 'rules/alerts.yml']);
});

test('promtool takes the configuration with the example of remote write', () => {
  const folder = mkdtempSync(join(tmpdir(), 'remote-write-'));
  const path = join(folder, 'prometheus.yml');
  writeFileSync(path, `${read('prometheus.yml')}\n${read('remote-write.example.yml')}`);
  promtool(['check', 'config', '--syntax-only', path]);
  rmSync(folder, { recursive: true });
});

describe('unit tests', () => {
  test.each(unitTests)('%s', { timeout: 300_000 }, (file) => promtool(['test', 'rules', `tests/${file}`]));

  test.each(alerts.map(({ alert }) => alert))(
    '%s has a case that fires and a case that does not',
    (alert) => {
      const text = unitTests.map((file) => read(`tests/${file}`)).join('\n');
      expect(text).toMatch(new RegExp(`ALERTS{alertname="${alert}", alertstate="firing"`));
      expect(text).toMatch(new RegExp(`name: (\\w+ and )?${alert}( and \\w+)? fires?\\b`));
    },
  );
});

test.each(alerts)('$alert tells how urgent it is, what it means, where to look and what to do', (rule) => {
  const { labels, annotations } = rule;
  expect(['critical', 'warning']).toContain(labels['severity']);
  expect(annotations['summary']).toContain('{{ $labels.service }} ({{ $labels.env }})');
  expect(annotations['description']?.length).toBeGreaterThan(80);
  expect(annotations['dashboard_url']).toMatch(
    /\/d\/(service-overview|runtime|dependencies|lifecycle|explore|resilience)\?var-env=.*&var-service=/,
  );
});

test('docs/alerts.md has every alert', () => {
  const document = readFileSync(join(PROJECT, 'docs/alerts.md'), 'utf8');
  const rows = [...document.matchAll(/^\| `(\w+)` +\| (critical|warning)/gm)].map(([, name, severity]) => [
    name,
    severity,
  ]);
  expect(rows.toSorted()).toEqual(alerts.map(({ alert, labels }) => [alert, labels['severity']]).toSorted());
});

test('a shortened rule is another in its times only', () => {
  const rule =
    '  interval: 3m\n  expr: a:b:rate5m[1h] > 14.4 and rate(c[5m]) > 1\n  for: 1m\n  scrape_interval: 15s';
  expect(shorten(rule)).toBe(
    '  interval: 6s\n  expr: a:b:rate5m[30s] > 14.4 and rate(c[10s]) > 1\n  for: 2s\n  scrape_interval: 1s',
  );
});
