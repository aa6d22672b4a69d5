import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook, toExplore } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';

const SHED = 'load_shed_total';
const CALLS = 'load_shedding_calls_total';

/** What is refused because it is too much. */
export function loadShedding(): Section {
  return {
    title: 'Load shedding',
    lines: [refusals(), capacity()],
  };
}

function refusals(): Line {
  return line(
    7,
    curves({
      title: 'Calls refused for overload',
      description: 'Per second by transport and by the signal that decided.',
      unit: 'cps',
      isStacked: true,
      queries: [{ expr: sum(rate(SHED), 'transport, reason'), legend: '{{transport}} {{reason}}' }],
      links: [runbook('LoadShedding')],
      dataLinks: [toExplore()],
    }),
    curves({
      title: 'Refused by priority',
      description: 'The sheddable ones go first, the critical ones last: those wake somebody.',
      unit: 'cps',
      isStacked: true,
      colors: { '^sheddable$': 'blue', '^default$': 'orange', '^critical$': 'red' },
      queries: [{ expr: sum(rate(CALLS, 'decision="refused"'), 'priority'), legend: '{{priority}}' }],
      links: [runbook('CriticalCallsShed')],
    }),
  );
}

function capacity(): Line {
  return line(
    7,
    curves({
      title: 'Calls in flight and their limit',
      description: 'What runs, and what each instance takes for its capacity: it binds under overload only.',
      queries: [
        {
          expr: sum(select('load_shedding_in_flight'), 'instance, priority'),
          legend: '{{instance}} {{priority}}',
        },
        { expr: sum(select('load_shedding_limit'), 'instance'), legend: '{{instance}} limit' },
      ],
      colors: { limit$: 'red' },
      links: [runbook('LoadShedding')],
    }),
    curves({
      title: 'Demand',
      description:
        'What calls ask of the event loop, and the CPU in use, as shares of what there is. Above 1 is overload.',
      unit: 'percentunit',
      thresholds: { bad: 1 },
      queries: [
        {
          expr: `max by (instance) (${select('load_shedding_demand_ratio')})`,
          legend: '{{instance}} event loop',
        },
        { expr: `max by (instance) (${select('load_shedding_cpu_ratio')})`, legend: '{{instance}} CPU' },
      ],
      links: [runbook('LoadShedding')],
    }),
  );
}
