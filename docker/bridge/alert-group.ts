/** Labels or annotations. */
export type Texts = Readonly<Record<string, string>>;

export interface Alert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Texts;
  readonly annotations: Texts;
  /** RFC 3339. */
  readonly startsAt: string;
  readonly endsAt: string;
  /** The rule's query in Prometheus. */
  readonly generatorURL: string;
}

/** What Alertmanager sends to a webhook, version 4; fields that nothing here uses are left out. */
export interface AlertGroup {
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly Alert[];
  /** Alerts that Alertmanager itself has left out (`max_alerts`). */
  readonly truncatedAlerts: number;
  readonly groupLabels: Texts;
  readonly commonLabels: Texts;
  /** Alertmanager's own address. */
  readonly externalURL: string;
}

/** Says which field is wrong. */
export class InvalidGroupError extends Error {}

/** @throws InvalidGroupError when `text` is not what Alertmanager sends */
export function parseGroup(text: string): AlertGroup {
  const group = toObject(parseJson(text), 'the body');
  if (group['version'] !== '4') throw new InvalidGroupError('version has to be "4"');
  const { alerts, truncatedAlerts = 0 } = group;
  if (!Array.isArray(alerts) || alerts.length === 0)
    throw new InvalidGroupError('alerts has to be a list with one alert or more');
  return {
    status: toStatus(group['status'], 'status'),
    alerts: alerts.map((alert, index) => toAlert(alert, `alerts.${index}`)),
    truncatedAlerts: Number.isSafeInteger(truncatedAlerts) ? Number(truncatedAlerts) : 0,
    groupLabels: toTexts(group['groupLabels'], 'groupLabels'),
    commonLabels: toTexts(group['commonLabels'], 'commonLabels'),
    externalURL: toText(group['externalURL'] ?? '', 'externalURL'),
  };
}

function toAlert(value: unknown, path: string): Alert {
  const alert = toObject(value, path);
  return {
    status: toStatus(alert['status'], `${path}.status`),
    labels: toTexts(alert['labels'], `${path}.labels`),
    annotations: toTexts(alert['annotations'], `${path}.annotations`),
    startsAt: toText(alert['startsAt'], `${path}.startsAt`),
    endsAt: toText(alert['endsAt'], `${path}.endsAt`),
    generatorURL: toText(alert['generatorURL'] ?? '', `${path}.generatorURL`),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidGroupError('the body has to be JSON');
  }
}

function toObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidGroupError(`${path} has to be an object`);
}

function toTexts(value: unknown, path: string): Texts {
  const entries = Object.entries(toObject(value, path));
  return Object.fromEntries(entries.map(([name, text]) => [name, toText(text, `${path}.${name}`)]));
}

function toText(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw new InvalidGroupError(`${path} has to be a text`);
}

function toStatus(value: unknown, path: string): 'firing' | 'resolved' {
  if (value === 'firing' || value === 'resolved') return value;
  throw new InvalidGroupError(`${path} has to be "firing" or "resolved"`);
}
