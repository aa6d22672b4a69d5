import { expect, test } from 'vitest';
import { InvalidGroupError, parseGroup } from './alert-group.ts';

const ALERT = {
  status: 'firing',
  labels: { alertname: 'ServiceDown' },
  annotations: {},
  startsAt: '2026-11-21T15:07:50.434Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus:9090/graph',
  fingerprint: '9a9e8dd8c0ee4c0f',
};
const GROUP = {
  version: '4',
  groupKey: '{}:{}',
  status: 'firing',
  receiver: 'on-call',
  groupLabels: { alertname: 'ServiceDown' },
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  alerts: [ALERT],
};

test('takes what Alertmanager sends', () => {
  const { alerts, truncatedAlerts } = parseGroup(JSON.stringify(GROUP));
  expect(alerts).toHaveLength(1);
  expect(truncatedAlerts).toBe(0);
});

test.each([
  ['no JSON', '{"version"', 'the body has to be JSON'],
  ['a list', '[]', 'the body has to be an object'],
  ['nothing', 'null', 'the body has to be an object'],
  ['another version', { ...GROUP, version: '5' }, 'version has to be "4"'],
  ['no alerts', { ...GROUP, alerts: [] }, 'alerts has to be a list with one alert or more'],
  ['an unknown status', { ...GROUP, status: 'burning' }, 'status has to be "firing" or "resolved"'],
  ['no labels of the group', { ...GROUP, groupLabels: undefined }, 'groupLabels has to be an object'],
  ['an alert that is none', { ...GROUP, alerts: [ALERT, 1] }, 'alerts.1 has to be an object'],
  [
    'a label that is a number',
    { ...GROUP, alerts: [{ ...ALERT, labels: { pod: 7 } }] },
    'alerts.0.labels.pod has to be a text',
  ],
])('refuses %s and says where', (_, body, message) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  expect(() => parseGroup(text)).toThrow(new InvalidGroupError(message));
});

test('a label called __proto__ stays a label', () => {
  const body = JSON.stringify(GROUP).replace('"alertname":"ServiceDown"', '"__proto__":"x"');
  const { groupLabels } = parseGroup(body);
  expect(Object.entries(groupLabels)).toEqual([['__proto__', 'x']]);
  expect(Object.getPrototypeOf(groupLabels)).toBe(Object.prototype);
});
