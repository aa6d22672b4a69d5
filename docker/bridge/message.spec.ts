import { describe, expect, test } from 'vitest';
import type { Alert, AlertGroup } from './alert-group.ts';
import { composeMessage } from './message.ts';

const alert = (fields: Partial<Alert> = {}): Alert => ({
  status: 'firing',
  labels: {
    alertname: 'ServiceDown',
    service: 'shop',
    env: 'production',
    severity: 'critical',
    instance: 'a:1',
  },
  annotations: {
    summary: 'shop does not answer',
    description: 'No scrape for a minute.',
    runbook_url: 'https://example.org/runbooks/service-down.md',
    dashboard_url: 'https://grafana.example.org/d/lifecycle?var-service=shop',
  },
  startsAt: '2026-11-21T15:07:50.434Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
  ...fields,
});

const group = (alerts: readonly Alert[], fields: Partial<AlertGroup> = {}): AlertGroup => ({
  status: alerts.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
  alerts,
  truncatedAlerts: 0,
  groupLabels: { alertname: 'ServiceDown', service: 'shop', env: 'production' },
  commonLabels: {},
  externalURL: 'http://alertmanager:9093',
  ...fields,
});

const textOf = (alerts: AlertGroup): string => composeMessage(alerts, []).message.markdown.text;
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test('says what, where, since when, and links what to do', () => {
  const { message, leftOut } = composeMessage(group([alert()]), []);
  expect(message.markdown.title).toBe('🔴 ServiceDown · shop · production (1 firing)');
  expect(message.markdown.text).toBe(
    [
      '### 🔴 ServiceDown · shop · production (1 firing)',
      [
        '**shop does not answer**',
        'No scrape for a minute.',
        'severity: critical, instance: a:1',
        'since 2026-11-21T15:07:50.434Z',
        '[Runbook](https://example.org/runbooks/service-down.md) · ' +
          '[Dashboard](https://grafana.example.org/d/lifecycle?var-service=shop) · ' +
          '[Query](http://prometheus:9090/graph?g0.expr=up)',
      ].join('  \n'),
      '[Silence](http://alertmanager:9093/#/silences/new?filter=%7Balertname%3D%22ServiceDown%22%2Cservice%3D%22shop%22%2Cenv%3D%22production%22%7D)' +
        ' · [Alertmanager](http://alertmanager:9093/)',
    ].join('\n\n'),
  );
  expect(leftOut).toBe(0);
});

test('counts both kinds and shows the firing ones first', () => {
  const resolved = alert({ status: 'resolved', endsAt: '2026-11-21T15:09:00Z' });
  const { title, text } = composeMessage(group([resolved, alert()]), []).message.markdown;
  expect(title).toContain('(1 firing, 1 resolved)');
  expect(text.indexOf('since ')).toBeLessThan(text.indexOf('resolved 2026'));
});

test('a resolved group is green, calls nobody and offers no silence', () => {
  const { message } = composeMessage(group([alert({ status: 'resolved' })]), ['13800000000']);
  expect(message.markdown.title).toMatch(/^🟢 /);
  expect(message.at.atMobiles).toEqual([]);
  expect(message.markdown.text).not.toContain('Silence');
});

test('tells those on duty aloud when something critical fires, and in the text, as DingTalk wants it', () => {
  const { at, markdown } = composeMessage(group([alert()]), ['13800000000', '+1-5550100']).message;
  expect(at.atMobiles).toEqual(['13800000000', '+1-5550100']);
  expect(markdown.text).toMatch(/@13800000000 @\+1-5550100$/);
});

test('calls nobody for a warning', () => {
  const { at } = composeMessage(group([alert({ labels: { severity: 'warning' } })]), ['13800000000']).message;
  expect(at.atMobiles).toEqual([]);
});

describe('texts that came from elsewhere', () => {
  test('make no links, images, emphasis or lines of their own', () => {
    const summary = '[click](http://evil.example)\n\n# big ![x](y) `code` <b>*bold*</b>';
    const text = textOf(group([alert({ annotations: { summary } })]));
    expect(text).toContain(
      String.raw`**\[click\](http://evil.example) # big !\[x\](y) \`code\` \<b>\*bold\*\</b>**`,
    );
  });

  test('are no links unless they lead to the web', () => {
    const annotations = { runbook_url: 'javascript:alert(1)', dashboard_url: 'nowhere' };
    const text = textOf(group([alert({ annotations, generatorURL: '' })]));
    expect(text).not.toMatch(/Runbook|Dashboard|Query|javascript/);
  });

  test('cannot end a link early', () => {
    const text = textOf(group([alert({ annotations: { runbook_url: 'https://a.example/x)[y](z' } })]));
    expect(text).toContain('[Runbook](https://a.example/x%29[y]%28z)');
  });
});

describe('what has no room', () => {
  test('200 alerts: as many as fit into 20,000 bytes, and a count of the others', () => {
    const alerts = Array.from({ length: 200 }, (_, index) => alert({ labels: { instance: `i${index}` } }));
    const { message, leftOut } = composeMessage(group(alerts), ['13800000000']);
    expect(bytesOf(message)).toBeLessThanOrEqual(20_000);
    const shown = message.markdown.text.match(/shop does not answer/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(20);
    expect(leftOut).toBe(200 - shown);
    expect(message.markdown.text).toContain(`… and ${leftOut} more`);
    expect(message.markdown.title).toContain('(200 firing)');
  });

  test('counts what Alertmanager has left out already', () => {
    expect(textOf(group([alert()], { truncatedAlerts: 7 }))).toContain('… and 7 more');
  });

  test('one alert with long texts of long characters still fits, each text cut', () => {
    const long = '🔥'.repeat(100_000);
    const labels = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`label${index}`, long]));
    const annotations = { summary: long, description: long, runbook_url: `https://a.example/${long}` };
    const { message, leftOut } = composeMessage(group([alert({ labels, annotations })]), []);
    expect(bytesOf(message)).toBeLessThanOrEqual(20_000);
    expect(leftOut).toBe(0);
    expect(message.markdown.text).toContain('🔥…');
  });
});
