import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { rate, share, sum } from '../parts/query.ts';

const ATTEMPTS = 'retry_attempts_total';
const NONE = 'no retries';

/** What is tried again, and what for want of budget is not. */
export function retries(): Section {
  return {
    title: 'Retries and hedges',
    lines: [
      line(
        7,
        curves({
          title: 'Further attempts',
          description: 'Per second: those that were made, and those that were not, by the reason.',
          unit: 'cps',
          isStacked: true,
          colors: { made$: 'green', budget$: 'red', '(attempts|deadline)$': 'orange' },
          queries: [{ expr: sum(rate(ATTEMPTS), 'name, outcome'), legend: '{{name}} {{outcome}}' }],
          links: [runbook('RetryBudgetExhausted')],
          noValue: NONE,
        }),
        curves({
          title: 'Share refused by the budget',
          description:
            'Of the further attempts that were wanted. At 1 none is made: more fails than retries can mend.',
          unit: 'percentunit',
          max: 1,
          thresholds: { bad: 0.5 },
          queries: [
            {
              expr: share(
                rate(ATTEMPTS, 'outcome="budget"'),
                rate(ATTEMPTS, 'outcome=~"made|budget"'),
                'name',
              ),
              legend: '{{name}}',
            },
          ],
          links: [runbook('RetryBudgetExhausted')],
          noValue: NONE,
        }),
      ),
    ],
  };
}
