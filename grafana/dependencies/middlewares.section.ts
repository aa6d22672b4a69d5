import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook, toExplore } from '../parts/links.ts';
import { quantile, rate, sum } from '../parts/query.ts';

const DURATION = 'middleware_duration_seconds';
const NONE = 'no middleware';

/** What works around handlers. */
export function middlewares(): Section {
  return {
    title: 'Middlewares',
    lines: [
      line(
        7,
        curves({
          title: 'Middlewares: p99 by phase',
          description: 'Time in which 99 % of the runs of each phase ended: what it adds to calls.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, DURATION, 'middleware, phase'), legend: '{{middleware}} {{phase}}' },
          ],
          dataLinks: [toExplore()],
          noValue: NONE,
        }),
        curves({
          title: 'Middlewares: time of all calls',
          description: 'Seconds per second that each one takes, of all calls together.',
          unit: 's',
          isStacked: true,
          queries: [
            { expr: sum(rate(`${DURATION}_sum`), 'middleware, phase'), legend: '{{middleware}} {{phase}}' },
          ],
          noValue: NONE,
        }),
        curves({
          title: 'Middlewares: errors',
          description:
            'Failures of the middlewares themselves, per second and phase. Each can be switched off.',
          unit: 'cps',
          colors: { '.*': 'red' },
          queries: [
            {
              expr: sum(rate('middleware_errors_total'), 'middleware, phase'),
              legend: '{{middleware}} {{phase}}',
            },
          ],
          links: [runbook('MiddlewareFailing')],
          noValue: NONE,
        }),
      ),
    ],
  };
}
