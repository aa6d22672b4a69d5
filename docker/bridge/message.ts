import type { Alert, AlertGroup } from './alert-group.ts';
import { link, oneLine, plain } from './markdown.ts';

/** A markdown message as DingTalk's robots take it. */
export interface RobotMessage {
  readonly msgtype: 'markdown';
  /** `title` is what the list of conversations shows. */
  readonly markdown: { readonly title: string; readonly text: string };
  /** Who is told aloud; DingTalk wants the numbers in the text as well. */
  readonly at: { readonly atMobiles: readonly string[]; readonly isAtAll: false };
}

export interface ComposedMessage {
  readonly message: RobotMessage;
  /** Alerts that had no room. */
  readonly leftOut: number;
}

/** DingTalk refuses a body of more than 20,000 bytes (error 460101). */
const LONGEST_BODY_BYTES = 20_000;
/** More of them fit into no message. */
const MOST_ALERTS = 50;
const MOST_LABELS = 10;
/** They are in the title. */
const COMMON_LABELS = new Set(['alertname', 'service', 'env']);
/** Two spaces: DingTalk takes a line feed alone for a space. */
const LINE_BREAK = '  \n';

/**
 * The message of a group of alerts, firing ones first. What has no room is left out and counted in the text.
 * @param atMobiles who is told aloud when something critical fires
 */
export function composeMessage(group: AlertGroup, atMobiles: readonly string[]): ComposedMessage {
  const alerts = group.alerts.toSorted((a, b) => (a.status < b.status ? -1 : 1));
  const blocks = alerts.slice(0, MOST_ALERTS).map(describeAlert);
  const mentioned = isCritical(group) ? atMobiles : [];
  const total = alerts.length + group.truncatedAlerts;
  const withBlocks = (count: number): RobotMessage =>
    toMessage(group, [...blocks.slice(0, count), leftOutLine(total - count)], mentioned);
  let shown = blocks.length;
  while (shown > 0 && sizeOf(withBlocks(shown)) > LONGEST_BODY_BYTES) shown -= 1;
  return { message: withBlocks(shown), leftOut: total - shown };
}

function toMessage(group: AlertGroup, blocks: readonly string[], mentioned: readonly string[]): RobotMessage {
  const title = titleOf(group);
  const links = [silenceLink(group), link('Alertmanager', group.externalURL)];
  const mentions = mentioned.map((mobile) => `@${mobile}`).join(' ');
  const parts = [`### ${plain(title, 300)}`, ...blocks, links.filter(Boolean).join(' · '), mentions];
  return {
    msgtype: 'markdown',
    markdown: { title, text: parts.filter(Boolean).join('\n\n') },
    at: { atMobiles: mentioned, isAtAll: false },
  };
}

/** Such as `🔴 ServiceDown · nest-chassis · production (2 firing, 1 resolved)`. */
function titleOf({ status, alerts, commonLabels, groupLabels }: AlertGroup): string {
  const { alertname = 'Alerts', service, env } = { ...commonLabels, ...groupLabels };
  const names = [alertname, service, env].filter((name) => name !== undefined);
  const counts = (['firing', 'resolved'] as const)
    .map((wanted) => [alerts.filter((alert) => alert.status === wanted).length, wanted] as const)
    .filter(([count]) => count > 0)
    .map(([count, wanted]) => `${count} ${wanted}`);
  const sign = status === 'firing' ? '🔴' : '🟢';
  return `${sign} ${names.map((name) => oneLine(name, 60)).join(' · ')} (${counts.join(', ')})`;
}

function describeAlert({ status, labels, annotations, startsAt, endsAt, generatorURL }: Alert): string {
  const { summary, description, runbook_url: runbook, dashboard_url: dashboard } = annotations;
  const details = Object.entries(labels).filter(([name]) => !COMMON_LABELS.has(name));
  const links = [link('Runbook', runbook), link('Dashboard', dashboard), link('Query', generatorURL)];
  const lines = [
    `**${plain(summary ?? labels['alertname'] ?? 'Alert', 200)}**`,
    plain(description ?? '', 600),
    details
      .slice(0, MOST_LABELS)
      .map(([name, value]) => `${plain(name, 40)}: ${plain(value, 80)}`)
      .join(', '),
    status === 'firing' ? `since ${plain(startsAt, 40)}` : `resolved ${plain(endsAt, 40)}`,
    links.filter(Boolean).join(' · '),
  ];
  return lines.filter(Boolean).join(LINE_BREAK);
}

function leftOutLine(count: number): string {
  return count > 0 ? `… and ${count} more` : '';
}

/** The page of Alertmanager that silences the group. */
function silenceLink({ externalURL, groupLabels, status }: AlertGroup): string | undefined {
  if (status === 'resolved') return undefined;
  const matchers = Object.entries(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const filter = encodeURIComponent(`{${matchers.join(',')}}`);
  return link('Silence', `${externalURL}/#/silences/new?filter=${filter}`);
}

function isCritical({ alerts }: AlertGroup): boolean {
  return alerts.some(({ status, labels }) => status === 'firing' && labels['severity'] === 'critical');
}

function sizeOf(message: RobotMessage): number {
  return Buffer.byteLength(JSON.stringify(message));
}
