import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook, toExplore } from '../parts/links.ts';
import { rate, select, share, sum } from '../parts/query.ts';
import { states } from '../parts/states.ts';

const CALLS = 'circuit_breaker_calls_total';
const NONE = 'no circuit breaker';

/** What is held off, and how the calls behind it end. */
export function circuitBreakers(): Section {
  return {
    title: 'Circuit breakers',
    lines: [changes(), ends()],
  };
}

function changes(): Line {
  return line(
    7,
    states({
      title: 'State',
      description:
        'Of each breaker and instance. Open: no call gets through. Half-open: a few find out whether it works again.',
      states: new Map([
        [0, { text: 'closed', color: 'green' }],
        [1, { text: 'half-open', color: 'yellow' }],
        [2, { text: 'open', color: 'red' }],
      ]),
      queries: [
        {
          expr: `max by (name, instance) (${select('circuit_breaker_state')})`,
          legend: '{{name}} of {{instance}}',
        },
      ],
      links: [runbook('CircuitBreakerOpen')],
      noValue: NONE,
    }),
    curves({
      title: 'Changes of state',
      description:
        'Since the start of each process. One that opens again and again has a dependency that flaps.',
      queries: [
        {
          expr: sum(select('circuit_breaker_transitions_total'), 'name, from, to'),
          legend: '{{name}} {{from}} → {{to}}',
        },
      ],
      links: [runbook('CircuitBreakerOpen')],
      noValue: NONE,
    }),
  );
}

function ends(): Line {
  return line(
    7,
    curves({
      title: 'Outcomes',
      description:
        'Attempts per second by how they ended. Refused ones were not made, full ones found no place in the bulkhead.',
      unit: 'cps',
      isStacked: true,
      colors: {
        success$: 'green',
        failure$: 'red',
        refused$: 'orange',
        full$: 'yellow',
        '(cancelled|ignored)$': 'blue',
      },
      queries: [{ expr: sum(rate(CALLS), 'name, outcome'), legend: '{{name}} {{outcome}}' }],
      dataLinks: [toExplore()],
      noValue: NONE,
    }),
    curves({
      title: 'Share that fails',
      description: 'Failed attempts among those that were made: what a rule on the error ratio compares.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: share(rate(CALLS, 'outcome="failure"'), rate(CALLS, 'outcome=~"success|failure"'), 'name'),
          legend: '{{name}}',
        },
      ],
      dataLinks: [toExplore()],
      noValue: NONE,
    }),
  );
}
