import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook, toExplore } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';

/** What somebody breaks to learn from it. */
export function chaos(): Section {
  return {
    title: 'Faults on purpose',
    lines: [
      line(
        7,
        curves({
          title: 'Faults switched on',
          description:
            'By instance. GET /chaos on the management port has them; the audit trail has who did it.',
          queries: [{ expr: sum(select('chaos_faults_active'), 'instance'), legend: '{{instance}}' }],
          links: [runbook('ChaosActive')],
          noValue: 'none',
        }),
        curves({
          title: 'Calls that met one',
          description: 'Per second by kind and by what it acts on.',
          unit: 'cps',
          isStacked: true,
          queries: [
            {
              expr: sum(rate('chaos_faults_injected_total'), 'kind, target'),
              legend: '{{kind}} of {{target}}',
            },
          ],
          links: [runbook('ChaosActive')],
          dataLinks: [toExplore()],
          noValue: 'none',
        }),
      ),
    ],
  };
}
