/** An alert as Alertmanager puts it into a webhook. */
export interface WebhookAlert {
  readonly status?: 'firing' | 'resolved';
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What Alertmanager posts to a webhook for these alerts. */
export function alertGroup(alerts: readonly WebhookAlert[]): object {
  const groupLabels = { alertname: 'ServiceDown', service: 'shop', env: 'test' };
  return {
    version: '4',
    groupKey: '{}/{severity="critical"}:{alertname="ServiceDown"}',
    truncatedAlerts: 0,
    status: alerts.some(({ status }) => status !== 'resolved') ? 'firing' : 'resolved',
    receiver: 'on-call',
    groupLabels,
    commonLabels: { ...groupLabels, severity: 'critical' },
    commonAnnotations: {},
    externalURL: 'http://127.0.0.1:9093',
    alerts: alerts.map(({ status = 'firing', labels = {}, annotations = {} }, index) => ({
      status,
      labels: { ...groupLabels, severity: 'critical', ...labels },
      annotations: { summary: 'shop does not answer', ...annotations },
      startsAt: '2026-11-21T15:07:50.434Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://127.0.0.1:9090/graph?g0.expr=up',
      fingerprint: index.toString(16).padStart(16, '0'),
    })),
  };
}
