import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { curves } from './curves.ts';
import { toExplore } from './links.ts';
import { quantile, rate, share, sum } from './query.ts';

/** The calls of one kind, as their duration histogram counts them. */
export interface Calls {
  /** How panels name them, such as `REST`. */
  readonly name: string;
  /** The histogram, without `_bucket` and `_count`. */
  readonly histogram: string;
  /** The label that has the outcome. */
  readonly outcome: string;
  /** Selects the calls that failed for a fault of whoever answered. */
  readonly faults: string;
  /** The label that tells apart what was called. */
  readonly target: string;
  /** What panels call it, such as `route`. */
  readonly targetName: string;
  /** The service makes them: its own logs do not name their target. @default false */
  readonly isOutgoing?: boolean;
  /** Narrows them down further, as in PromQL. @default all of them */
  readonly labels?: string;
}

/** Colours of outcomes: good ones green, the caller's faults yellow, the service's own red. */
export const OUTCOME_COLORS = {
  '^2..$|^OK$': 'green',
  '^3..$|^CANCELLED$': 'blue',
  '^4..$|^(INVALID|NOT|ALREADY|PERMISSION|RESOURCE|FAILED|ABORTED|OUT|UNAUTH).*$': 'yellow',
  '^5..$|^(UNKNOWN|DEADLINE|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA).*$': 'red',
} as const;

/** Finished calls per second. */
export function callRate(calls: Calls, more = ''): string {
  return rate(`${calls.histogram}_count`, both(calls.labels, more));
}

/** Which share of the calls failed, 0 to 1. */
export function faultShare(calls: Calls, by = ''): string {
  return share(callRate(calls, calls.faults), callRate(calls), by);
}

export function ratePanel(calls: Calls): Builder<Panel> {
  return curves({
    title: `${calls.name}: rate by ${calls.targetName}`,
    description: `Finished ${calls.name} calls per second.`,
    unit: 'reqps',
    isStacked: true,
    queries: [{ expr: sum(callRate(calls), calls.target), legend: `{{${calls.target}}}` }],
    dataLinks: [logsOf(calls)],
  });
}

export function outcomePanel(calls: Calls): Builder<Panel> {
  return curves({
    title: `${calls.name}: outcomes`,
    description: `Finished ${calls.name} calls per second by how they ended, refused ones included.`,
    unit: 'reqps',
    isStacked: true,
    colors: OUTCOME_COLORS,
    queries: [{ expr: sum(callRate(calls), calls.outcome), legend: `{{${calls.outcome}}}` }],
    dataLinks: [toExplore()],
  });
}

export function faultPanel(calls: Calls): Builder<Panel> {
  return curves({
    title: `${calls.name}: share of errors by ${calls.targetName}`,
    description:
      'Calls that failed for a fault of the side that answers, among all calls: what the SLO counts.',
    unit: 'percentunit',
    max: 0.01,
    queries: [{ expr: faultShare(calls, calls.target), legend: `{{${calls.target}}}` }],
    dataLinks: [logsOf(calls)],
  });
}

export function latencyPanel(calls: Calls): Builder<Panel> {
  return curves({
    title: `${calls.name}: latency`,
    description:
      'Time in which half, nine tenths and 99 % of the calls were answered. The points are single calls: each leads to its trace.',
    unit: 's',
    queries: [0.5, 0.9, 0.99].map((q) => ({
      expr: quantile(q, calls.histogram, '', calls.labels),
      legend: `p${q * 100}`,
      exemplars: q === 0.99,
    })),
    dataLinks: [toExplore()],
  });
}

export function slowestPanel(calls: Calls): Builder<Panel> {
  return curves({
    title: `${calls.name}: p99 latency by ${calls.targetName}`,
    description: `Time in which 99 % of the calls of each ${calls.targetName} were answered.`,
    unit: 's',
    queries: [
      { expr: quantile(0.99, calls.histogram, calls.target, calls.labels), legend: `{{${calls.target}}}` },
    ],
    dataLinks: [logsOf(calls)],
  });
}

function logsOf({ target, isOutgoing = false }: Calls): ReturnType<typeof toExplore> {
  return isOutgoing ? toExplore() : toExplore(target);
}

function both(one = '', other = ''): string {
  return [one, other].filter(Boolean).join(',');
}
