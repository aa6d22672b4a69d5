import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { curves } from './curves.ts';
import { figure } from './figure.ts';
import { toExplore, runbook } from './links.ts';

/** The time over which the objectives hold. */
const WINDOW = '30d';
/** Use of the budget that wakes somebody: 2 % of it within an hour. Google's SRE workbook, chapter 5. */
const FAST = 14.4;
/** Recorded series are sums of the instances. */
const CHOSEN = '{service=~"$service",env=~"$env"}';

/** A promise, as docker/prometheus/rules/recording.yml counts what keeps it and what breaks it. */
export interface Objective {
  /** Such as `REST: errors`. */
  readonly name: string;
  /** Recorded rate of all that counts. */
  readonly whole: string;
  /** Recorded rate of what breaks it. */
  readonly faults: string;
  /** Recorded share of faults, without its window. */
  readonly ratio: string;
  /** Recorded share that is promised. */
  readonly promise: string;
  readonly runbooks: readonly string[];
}

/** Which part of the faults that the promise allows is left: 1 = none has happened, below 0 = too many have. */
export function budgetLeft({ name, whole, faults, promise }: Objective): Builder<Panel> {
  const over = (metric: string) => `avg_over_time(${metric}${CHOSEN}[${WINDOW}])`;
  return figure({
    title: `${name}, budget left`,
    description: `What is left of the faults that the objective allows in ${WINDOW}, as far back as Prometheus remembers. Below 0 the promise is broken.`,
    unit: 'percentunit',
    queries: [
      {
        expr: `1 - ${over(faults)} / ${over(whole)} / on (service, env) (1 - ${promise}${CHOSEN})`,
        legend: '{{service}} {{env}}',
      },
    ],
    thresholds: { warning: 0.25, bad: 0, isMoreBetter: true },
    noValue: 'no calls',
  });
}

/** How fast the budget is used: 1 = it lasts for just the window, 14.4 = for two days of thirty. */
export function burnRate({ name, ratio, promise, runbooks }: Objective): Builder<Panel> {
  return curves({
    title: `${name}, use of the budget`,
    description: `At 1 the budget lasts for just ${WINDOW}; above ${FAST} for an hour somebody is woken.`,
    queries: ['1h', '6h'].map((over) => ({
      expr: `${ratio}${over}${CHOSEN} / on (service, env) (1 - ${promise}${CHOSEN})`,
      legend: `{{service}} {{env}} over ${over}`,
    })),
    thresholds: { warning: 1, bad: FAST },
    dataLinks: [toExplore()],
    links: runbooks.map((alert) => runbook(alert)),
  });
}
