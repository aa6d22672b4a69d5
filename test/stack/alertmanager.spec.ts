import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT } from '../support/build.js';
import { AlertmanagerServer, eventually, freePort, PrometheusServer, runTool } from '../support/index.js';
import { startBridge, type BridgeProcess } from './bridge-process.js';
import { RobotReceiver } from './robot-receiver.js';
import { ALERTMANAGER_FOLDER, shippedAlertmanager } from './shipped-alertmanager.js';
import { shippedAlerts } from './shipped-alerts.js';
import { SmtpSink, type ReceivedMail } from './smtp-sink.js';

type Labels = Readonly<Record<string, string>>;

const CONFIG = join(ALERTMANAGER_FOLDER, 'alertmanager.yml');
const alerts = shippedAlerts();
const severityOf = (name: string): string =>
  alerts.find(({ alert }) => alert === name)?.labels['severity'] ?? `no alert ${name}`;

let mail: SmtpSink & AsyncDisposable;
let robot: RobotReceiver & AsyncDisposable;
let bridge: BridgeProcess & AsyncDisposable;
let alertmanager: AlertmanagerServer & AsyncDisposable;

beforeAll(async () => {
  [mail, robot] = await Promise.all([SmtpSink.start(), RobotReceiver.start()]);
  bridge = await startBridge(robot, { DINGTALK_MESSAGES_PER_MINUTE: '1000' });
  alertmanager = await AlertmanagerServer.start(
    shippedAlertmanager({ mail: mail.address, bridge: bridge.http.address, replace: anotherWeekday() }),
  );
});
afterAll(async () => {
  for (const started of [alertmanager, bridge, robot, mail]) await started?.[Symbol.asyncDispose]();
});

/** Office hours in two days, and not now. */
function anotherWeekday(): Record<string, string> {
  const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  return { "['monday:friday']": `['${days[(new Date().getDay() + 3) % 7]}']` };
}

/** As Prometheus posts it; each test has a service of its own. */
async function post(
  labels: Labels,
  { endsAt, summary }: { endsAt?: string; summary?: string } = {},
): Promise<void> {
  const annotations = {
    summary: summary ?? `${labels['alertname']} of ${labels['service']}`,
    description: 'What is wrong, in a sentence.',
    runbook_url: 'https://example.org/docs/runbooks/page.md',
    dashboard_url: 'http://127.0.0.1:3001/d/service-overview?var-env=test',
  };
  const all = { severity: severityOf(String(labels['alertname'])), env: 'test', ...labels };
  const alert = { labels: all, annotations, generatorURL: 'http://127.0.0.1:9090/graph?g0.expr=up' };
  const { status, body } = await alertmanager.api.post('/api/v2/alerts', [
    { ...alert, ...(endsAt && { endsAt }) },
  ]);
  if (status !== 200) throw new Error(`Alertmanager answered ${status}: ${JSON.stringify(body)}`);
}

interface AlertStatus {
  readonly labels: Labels;
  readonly status: { readonly state: string; readonly inhibitedBy: string[]; readonly silencedBy: string[] };
}

/** What Alertmanager does with an alert at the moment; undefined = it has none of this name. */
async function statusOf(alertname: string, service: string): Promise<AlertStatus['status'] | undefined> {
  const { body } = await alertmanager.api.get('/api/v2/alerts');
  const found = (body as AlertStatus[]).find(
    ({ labels }) => labels['alertname'] === alertname && labels['service'] === service,
  );
  return found?.status;
}

const reaches = (state: 'active' | 'suppressed', alertname: string, service: string): Promise<void> =>
  eventually(
    `${alertname} of ${service} is ${state}`,
    async () => (await statusOf(alertname, service))?.state === state,
    20_000,
  );

const mailOf = (service: string, begin: string): Promise<ReceivedMail> =>
  mail.find(
    `${begin} … ${service}`,
    ({ subject }) => subject.startsWith(begin) && subject.includes(`, ${service} `),
  );

describe('the shipped file', () => {
  test('amtool is content with it', () => {
    const { status, output } = runTool('amtool', ['check-config', CONFIG]);
    expect(output).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  test('has no secret, only files of secrets', () => {
    const text = readFileSync(CONFIG, 'utf8');
    expect(text).not.toMatch(/(password|credentials|secret|token|api_key): /);
  });

  test.each(alerts.map(({ alert, labels }) => [alert, labels['severity']]))(
    '%s (%s) has its route',
    (alert, severity) => {
      const receivers: Record<string, string> = { critical: 'on-call', warning: 'tickets' };
      expect(routeOf(`alertname=${alert}`, `severity=${severity}`)).toBe(receivers[String(severity)]);
    },
  );

  test.each([
    ['tickets', ['severity=warning', 'notify=office-hours']],
    ['tickets', ['severity=info']],
    ['tickets', ['alertname=Unlabelled']],
    ['on-call', ['severity=critical', 'notify=office-hours']],
  ])('%s is told of %j', (receiver, labels) => {
    expect(routeOf(...labels)).toBe(receiver);
  });

  test('names in its inhibition rules are alerts that there are', () => {
    const text = readFileSync(CONFIG, 'utf8');
    const names = new Set(alerts.map(({ alert }) => alert));
    const quoted = [...text.matchAll(/alertname(=~?)"([^"]+)"/g)];
    for (const [, operator, value = ''] of quoted) {
      const matches = [...names].filter((name) => new RegExp(`^(?:${value})$`).test(name));
      expect(matches.length, value).toBeGreaterThan(operator === '=~' ? 1 : 0);
    }
    expect(quoted.length).toBeGreaterThan(10);
  });
});

function routeOf(...labels: readonly string[]): string {
  const { output } = runTool('amtool', ['config', 'routes', 'test', `--config.file=${CONFIG}`, ...labels]);
  return output.split('\n', 1)[0] ?? '';
}

describe('a critical alert', () => {
  const labels = { alertname: 'ServiceDown', service: 'critical', instance: 'shop:9464' };

  test('is mailed and sent to the robot, and so is its end', async () => {
    await post(labels);
    const firing = await mailOf('critical', '[1 firing] critical: ServiceDown');
    expect(firing.to).toEqual(['on-call@example.org']);
    expect(firing.headers['x-priority']).toBe('1');
    for (const part of [firing.text, firing.html])
      for (const piece of [
        'ServiceDown of critical',
        'What is wrong, in a sentence.',
        'https://example.org/docs/runbooks/page.md',
        'http://127.0.0.1:3001/d/service-overview?var-env=test',
        'shop:9464',
        '/#/silences/new?filter=%7Balertname%3D%22ServiceDown%22%2Cenv%3D%22test%22%2Cservice%3D%22critical%22%7D',
      ])
        expect(part).toContain(piece);
    const message = await robot.find('the alert', ({ title }) => title.includes('· critical ·'));
    expect(message.title).toBe('🔴 ServiceDown · critical · test (1 firing)');
    expect(message.text).toContain('[Runbook](https://example.org/docs/runbooks/page.md)');

    await post(labels, { endsAt: new Date().toISOString() });
    const resolved = await mailOf('critical', '[resolved] critical: ServiceDown');
    expect(resolved.text).toMatch(/^RESOLVED: ServiceDown of critical/);
    await robot.find('the end', ({ title }) => title === '🟢 ServiceDown · critical · test (1 resolved)');
  });

  test('texts from elsewhere are no HTML in a mail', async () => {
    await post({ ...labels, service: 'markup' }, { summary: '<script>alert(1)</script>' });
    const { html } = await mailOf('markup', '[1 firing]');
    expect(html).toContain('&lt;script&gt;');
    expect(html).not.toContain('<script');
  });
});

describe('warnings', () => {
  test('of a service come in one mail to the tickets, and not to the robot', async () => {
    await post({ alertname: 'EventLoopSaturated', service: 'warned' });
    await post({ alertname: 'HeapNearLimit', service: 'warned' });
    const { to, text } = await mailOf('warned', '[2 firing] warning: several alerts');
    expect(to).toEqual(['tickets@example.org']);
    expect(text).toContain('FIRING: EventLoopSaturated of warned');
    expect(text).toContain('FIRING: HeapNearLimit of warned');
    expect(robot.messages.filter(({ title }) => title.includes('warned'))).toEqual([]);
  });

  test('that can wait for office hours do', async () => {
    await post({ alertname: 'CertificateExpiring', service: 'patient', notify: 'office-hours' });
    await post({ alertname: 'CertificateExpiring', service: 'impatient' });
    await mailOf('impatient', '[1 firing]');
    expect(mail.mails.filter(({ subject }) => subject.includes(', patient '))).toEqual([]);
  });
});

describe('what is muted', () => {
  const SYMPTOMS = [
    'ServiceNotReady',
    'RestErrorBudgetBurnFast',
    'GrpcErrorBudgetBurnSlow',
    'RestLatencyBudgetBurn',
    'DatabasePoolSaturated',
    'SpansDropped',
    'CircuitBreakerOpen',
  ];
  const CAUSES = ['DependencyDown', 'ServiceRestartLoop', 'AuditSinkFailing', 'CertificateExpiring'];

  test('ServiceDown mutes the symptoms of its own service, and no cause', async () => {
    await post({ alertname: 'ServiceDown', service: 'down' });
    await reaches('active', 'ServiceDown', 'down');
    for (const alertname of [...SYMPTOMS, ...CAUSES]) {
      // Each of an instance of its own, so that only what concerns the whole service can mute it.
      const instance = alertname;
      await post({ alertname, service: 'down', instance });
      await post({ alertname, service: 'other', instance });
    }
    for (const alertname of SYMPTOMS) {
      await reaches('suppressed', alertname, 'down');
      await reaches('active', alertname, 'other');
    }
    for (const alertname of [...CAUSES, 'ServiceDown']) await reaches('active', alertname, 'down');
    // Groups are told side by side: in no order.
    for (const alertname of ['ServiceDown', 'ServiceRestartLoop', 'AuditSinkFailing'])
      await robot.find(alertname, ({ title }) => title.startsWith(`🔴 ${alertname} · down ·`));
    const told = robot.messages.filter(({ title }) => title.includes('· down ·'));
    expect(told.map(({ title }) => title.split(' ')[1]).toSorted()).toEqual([
      'AuditSinkFailing',
      'ServiceDown',
      'ServiceRestartLoop',
    ]);
  });

  test.each([
    ['RestErrorBudgetBurnFast', 'RestErrorBudgetBurnSlow', {}],
    ['GrpcErrorBudgetBurnFast', 'GrpcErrorBudgetBurnSlow', {}],
    ['ServiceRestartLoop', 'WorkersRestarting', { instance: 'a:1' }],
    ['AuditSinkFailing', 'ServiceNotReady', { instance: 'a:1' }],
    ['RateLimitStoreAway', 'DependencyDown', { instance: 'a:1', check: 'redis' }],
    ['CircuitBreakerOpen', 'FallbackSurge', { name: 'prices' }],
    ['CriticalCallsShed', 'LoadShedding', {}],
    ['LoadShedding', 'RestLatencyBudgetBurn', {}],
  ])('%s mutes %s', async (source, target, { check, ...labels }: Labels) => {
    const service = `muting-${source.toLowerCase()}`;
    await post({ alertname: source, service, ...labels });
    await post({ alertname: target, service, ...labels, ...(check && { check }) });
    await reaches('suppressed', target, service);
    expect((await statusOf(target, service))?.inhibitedBy).toHaveLength(1);
    await reaches('active', source, service);
  });

  test.each([
    ['another dependency than Redis', 'RateLimitStoreAway', 'DependencyDown', { check: 'database' }],
    ['another instance', 'AuditSinkFailing', 'ServiceNotReady', { instance: 'b:1' }],
  ])('%s is not', async (what, source, target, labels) => {
    const [service, twin] = [`not ${what}`, `twin of ${what}`];
    await post({ alertname: source, service, instance: 'a:1' });
    await post({ alertname: target, service, instance: 'a:1', ...labels });
    await post({ alertname: source, service: twin, instance: 'a:1' });
    await post({ alertname: target, service: twin, instance: 'a:1', check: 'redis' });
    await reaches('suppressed', target, twin);
    await reaches('active', target, service);
  });

  test('CollectorDown mutes SpansDropped where it is the one that takes spans', async () => {
    for (const collector of ['log-shipper', 'collector']) {
      const env = `env of ${collector}`;
      await post({ alertname: 'CollectorDown', service: collector, env });
      await post({ alertname: 'SpansDropped', service: `beside ${collector}`, env });
    }
    await reaches('suppressed', 'SpansDropped', 'beside collector');
    await reaches('active', 'SpansDropped', 'beside log-shipper');
  });
});

test('the silence of the documentation silences what it says, until it is ended', async () => {
  const [, command = ''] = /^amtool (silence add[^`]+)$/m.exec(documentation()) ?? [];
  const words = wordsOf(command).map((word) => word.replace('127.0.0.1:9093', alertmanager.api.address));
  const { status, output } = runTool('amtool', words);
  expect(status, output).toBe(0);
  const silence = output.trim();
  const labels = { service: 'nest-chassis', env: 'production' };
  await post({ alertname: 'DependencyDown', ...labels });
  await post({ alertname: 'ServiceNotReady', ...labels });
  await reaches('suppressed', 'DependencyDown', 'nest-chassis');
  expect((await statusOf('DependencyDown', 'nest-chassis'))?.silencedBy).toEqual([silence]);
  await reaches('active', 'ServiceNotReady', 'nest-chassis');

  const url = `--alertmanager.url=${alertmanager.api.url}`;
  expect(runTool('amtool', ['silence', 'expire', url, silence]).status).toBe(0);
  await reaches('active', 'DependencyDown', 'nest-chassis');
});

function documentation(): string {
  return readFileSync(join(PROJECT, 'docs/alertmanager.md'), 'utf8').replaceAll('\\\n', '');
}

/** As a shell splits a command with double quotes. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll('"', '').replace('$USER', 'somebody'),
  );
}

test('a real mail server gets the user and the password of the file, as the comments of `global` say', async () => {
  const user = { name: 'alerts@example.org', password: 'p4ss word' };
  await using server = await SmtpSink.start({ user });
  const { config, files } = shippedAlertmanager({ mail: server.address, bridge: bridge.http.address });
  const settings = config.replaceAll(/^ {2}# {3}(smtp_auth_\w+: .*)$/gm, '  $1');
  expect(settings).not.toBe(config);
  await using other = await AlertmanagerServer.start({
    config: settings,
    files: { ...files, 'secrets/smtp-password': user.password },
  });
  const labels = { alertname: 'ServiceDown', severity: 'critical', service: 'private', env: 'test' };
  await other.api.post('/api/v2/alerts', [{ labels, annotations: { summary: 'private' } }]);
  const { from } = await server.find('with a password', () => true);
  expect(from).toBe('alerts@example.org');
});

test('from a rule of a real Prometheus to mail and robot, and its end', async () => {
  const rule = alerts.find(({ alert }) => alert === 'ServiceDown');
  const port = await freePort();
  const service = 'end-to-end';
  await using _prometheus = await PrometheusServer.start({
    config: JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['alerts.yml'],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.api.address] }] }] },
      scrape_configs: [
        {
          job_name: 'service',
          static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { service, env: 'test' } }],
        },
      ],
    }),
    files: {
      'alerts.yml': JSON.stringify({ groups: [{ name: 'service', rules: [{ ...rule, for: '1s' }] }] }),
    },
  });
  const { text } = await mailOf(service, '[1 firing] critical: ServiceDown');
  expect(text).toContain(`No instance of ${service} (test) answers`);
  expect(text).toMatch(/^Runbook: +https:\/\/\S+\/docs\/runbooks\/service-down\.md$/m);
  expect(text).toMatch(/^Dashboard: http\S+\/d\/service-overview\?var-env=test&var-service=end-to-end$/m);
  const message = await robot.find('the alert', ({ title }) => title.includes(service));
  expect(message.text).toMatch(/\[Runbook\]\(https:\/\/\S+\/docs\/runbooks\/service-down\.md\)/);

  await using _back = await startBridge(undefined, { BRIDGE_PORT: String(port) });
  await mailOf(service, '[resolved] critical: ServiceDown');
  await robot.find('the end', ({ title }) => title.startsWith(`🟢 ServiceDown · ${service}`));
});
