import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { GRPC_CODES } from '#chassis/errors';
import { Middleware, type CallMiddleware } from '#chassis/middleware';
import { PROJECT } from '../support/build.js';
import { TestApp } from '../support/index.js';
import { namesIn } from './promql.js';
import { shippedAlerts } from './shipped-alerts.js';

const FOLDER = join(PROJECT, 'docs/runbooks');
const HEADINGS = [
  'What it means',
  'Look first',
  'Likely causes, and what to do',
  'When to escalate',
  'How to prevent it',
];
/** What a page says beyond the documented metrics: Prometheus' own. */
const OF_PROMETHEUS = ['up'];

const alerts = shippedAlerts();
const kebab = (name: string): string => name.replaceAll(/(?<!^)[A-Z]/g, '-$&').toLowerCase();
const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');
const pages = readdirSync(FOLDER)
  .filter((file) => file !== 'README.md')
  .map((file) => ({ file, text: read(`docs/runbooks/${file}`) }));
const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^ *\`\`\`${language}\n(.+?)\n *\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block,
  );

test('there is a page for each alert, and none for another', () => {
  // An alert may have several rules, each with its severity.
  const expected = new Set(alerts.map(({ alert }) => `${kebab(alert)}.md`));
  expect(pages.map(({ file }) => file)).toEqual([...expected].toSorted());
});

test.each(alerts.map(({ alert, annotations }) => [alert, annotations['runbook_url']]))(
  '%s links its page',
  (alert, url) => expect(url).toMatch(new RegExp(`/docs/runbooks/${kebab(alert)}\\.md$`)),
);

test('the index has every alert with its severity', () => {
  const rows = [...read('docs/runbooks/README.md').matchAll(/^\| \[(\w+)\]\((\S+)\) +\| (\w+) +\|/gm)];
  const expected = alerts.map(({ alert, labels }) => [alert, `${kebab(alert)}.md`, labels['severity']]);
  expect(rows.map(([, ...row]) => row).toSorted()).toEqual(expected.toSorted());
});

const sources = sourcesOf('src/chassis');
const dashboards = readdirSync(join(PROJECT, 'grafana/dashboards')).map(
  (file) =>
    JSON.parse(read(`grafana/dashboards/${file}`)) as { readonly uid: string; readonly panels: unknown },
);

describe.each(pages)('$file', ({ file, text }) => {
  test('has the form of all pages', () => {
    expect(text).toMatch(/^# \w+\n\n\*\*(critical|warning)\*\*: /);
    const name = /^# (\w+)$/m.exec(text)?.[1] ?? '';
    expect(`${kebab(name)}.md`).toBe(file);
    const severities = alerts.flatMap(({ alert, labels }) => (alert === name ? [labels['severity']] : []));
    expect(severities[0]).toBe(/^\*\*(\w+)\*\*: /m.exec(text)?.[1]);
    for (const severity of severities) expect(text).toContain(`**${severity}**`);
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual(HEADINGS);
  });

  test('has queries that Prometheus understands, of metrics that there are', () => {
    const queries = blocksOf(text, 'promql');
    expect(queries.length).toBeGreaterThan(0);
    const known = new Set([...OF_PROMETHEUS, ...recordedNames(), ...documentedSeries()]);
    for (const query of queries)
      for (const { metric } of namesIn(query).selectors) expect(known, query).toContain(metric);
  });

  test('names metrics, settings and log lines that there are', () => {
    const inline = [...text.replaceAll(/^ *```.+?```$/gms, '').matchAll(/`([^`]+)`/g)].map(
      ([, code = '']) => code,
    );
    const keys = read('.env.example');
    const named = inline.filter((code) => /^[A-Z]+(_[A-Z\d]+)+$/.test(code) && !isReason(code));
    expect(named.filter((key) => !keys.includes(`# ${key}=`))).toEqual([]);
    for (const [, words = ''] of blocksOf(text, 'logql')
      .join('\n')
      .matchAll(/\|= "([^"]+)"/g))
      expect(sources.includes(words), words).toBe(true);
  });

  test('links pages that there are, and panels of dashboards by their names', () => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      if (target.startsWith('http')) continue;
      expect(existsSync(join(FOLDER, dirname(target), target.split('/').at(-1) ?? '')), target).toBe(true);
    }
    const lines = text
      .replaceAll(/\n(?=\S)/g, ' ')
      .matchAll(/Dashboard \[[^\]]+\]\(\S+\/d\/([\w-]+)\): ([^\n]+)/g);
    for (const [, uid, panels = ''] of lines) {
      const dashboard = dashboards.find((candidate) => candidate.uid === uid);
      for (const [, panel = ''] of panels.matchAll(/\*\*([^*]+)\*\*/g))
        expect(titlesOf(dashboard?.panels), `${uid}: ${panel}`).toContain(panel.replaceAll(/\s+/g, ' '));
    }
  });
});

function recordedNames(): string[] {
  const { groups } = parse(read('docker/prometheus/rules/recording.yml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly record: string }[] }[];
  };
  return groups.flatMap(({ rules }) => rules.map(({ record }) => record));
}

/** The metrics of docs/metrics.md, a histogram by the names of its series. */
function documentedSeries(): string[] {
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)];
  return rows.flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
  );
}

/** Reasons and canonical codes have the form of settings. */
function isReason(code: string): boolean {
  return code in GRPC_CODES || read('docs/errors.md').includes(`\`${code}\``);
}

function sourcesOf(folder: string): string {
  return readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => read(join(folder, file)))
    .join('\n');
}

function titlesOf(panels: unknown): string[] {
  return ((panels ?? []) as { readonly title?: string; readonly panels?: unknown }[]).flatMap(
    ({ title = '', panels: inside }) => [title, ...titlesOf(inside)],
  );
}

describe('paths of the management port', () => {
  /** What the pages tell to do, each once: `curl` commands, and what their sentences name. */
  const commands = new Map(
    [
      ...pages.flatMap(({ text }) => commandsIn(text)),
      { method: 'POST', path: '/readyz/disable', body: undefined },
      { method: 'POST', path: '/drain', body: undefined },
    ].map((command) => [JSON.stringify(command), command]),
  );
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({
      imports: [NamedModule],
      config: {
        RATE_LIMIT_POLICIES: [{ name: 'everybody', limit: 50 }],
        RESILIENCE_POLICIES: [{ name: 'inventory', routes: ['*'], breaker: {} }],
      },
    });
  });
  afterAll(() => app.stop());

  test.each([...commands.values()])('$method $path', async ({ method, path, body }) => {
    const { status } = await app.management.send(path, {
      method,
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    });
    // 503: /readyz, once an earlier command has taken the instance out.
    expect([200, 202, 204, 503]).toContain(status);
  });

  test('are those that the pages are known for', () => {
    const paths = [...commands.values()].map(({ path }) => path);
    for (const path of [
      '/readyz',
      '/livez',
      '/loggers',
      '/tracing',
      '/rate-limits',
      '/rate-limits/everybody',
    ])
      expect(paths).toContain(path);
  });
});

/** What the pages take as an example. */
@Middleware({ name: 'call-notes' })
class CallNotes implements CallMiddleware {
  preHandle(): void {}
}

@Module({ providers: [CallNotes] })
class NamedModule {}

interface Command {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

function commandsIn(text: string): Command[] {
  const lines = text.replaceAll('\\\n', ' ');
  const found = lines.matchAll(/curl -s (?:-X (\w+) )?http:\/\/\$INSTANCE(\S*[\w-])([^`\n]*)/g);
  return [...found].map(([, method = 'GET', path = '', rest = '']) => {
    const [, body] = /-d '([^']+)'/.exec(rest) ?? [];
    return { method, path, body };
  });
}
