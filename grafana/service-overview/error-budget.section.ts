import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Calls } from '../parts/calls.ts';
import { curves } from '../parts/curves.ts';
import { figure } from '../parts/figure.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { AVAILABILITY, budgetLeft, burnRate, WINDOW } from '../parts/objectives.ts';
import { GRPC, REST } from '../parts/transports.ts';

const PERCENT = AVAILABILITY * 100;
/** Use of the budget that wakes somebody: 2 % of it in an hour. Google's SRE workbook, chapter 5. */
const FAST = 14.4;

/** The service's promise, and how much of what it allows to fail is left. */
export function errorBudget(): Section {
  return {
    title: 'Error budget',
    lines: [line(6, budget(REST), burn(REST, 'Rest'), budget(GRPC), burn(GRPC, 'Grpc'))],
  };
}

function budget(calls: Calls): Builder<Panel> {
  return figure({
    title: `${calls.name}: error budget left`,
    description: `Of the calls that may fail in ${WINDOW} for a service that promises ${PERCENT} %. Below 0 the promise is broken.`,
    unit: 'percentunit',
    queries: [{ expr: budgetLeft(calls), legend: 'left' }],
    thresholds: { warning: 0.25, bad: 0, isMoreBetter: true },
    noValue: 'no calls',
  });
}

function burn(calls: Calls, alerts: string): Builder<Panel> {
  return curves({
    title: `${calls.name}: use of the budget`,
    description: `1 uses the budget up in just ${WINDOW}; above ${FAST} for an hour somebody is woken.`,
    queries: ['1h', '6h'].map((over) => ({ expr: burnRate(calls, over), legend: `over ${over}` })),
    thresholds: { warning: 1, bad: FAST },
    links: [runbook(`${alerts}ErrorBudgetBurnFast`), runbook(`${alerts}ErrorBudgetBurnSlow`)],
  });
}
