import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook, toExplore } from '../parts/links.ts';
import { rate, sum } from '../parts/query.ts';

const FALLBACKS = 'fallback_total';
const NONE = 'no fallback';

/** What is answered in another way. */
export function fallbacks(): Section {
  return {
    title: 'Fallbacks',
    lines: [
      line(
        7,
        curves({
          title: 'Answers by step',
          description: 'Calls per second that a step of the chain answered. The answer has it as x-fallback.',
          unit: 'cps',
          isStacked: true,
          queries: [{ expr: sum(rate(FALLBACKS), 'name, step'), legend: '{{name}}/{{step}}' }],
          links: [runbook('FallbackSurge')],
          dataLinks: [toExplore()],
          noValue: NONE,
        }),
        curves({
          title: 'Why',
          description: 'What the calls had failed with before their fallback.',
          unit: 'cps',
          isStacked: true,
          queries: [{ expr: sum(rate(FALLBACKS), 'name, reason'), legend: '{{name}} {{reason}}' }],
          links: [runbook('FallbackSurge')],
          noValue: NONE,
        }),
        curves({
          title: 'Steps that fail',
          description:
            'Steps per second that failed or took too long: the next one is tried, and at last the call fails.',
          unit: 'cps',
          isStacked: true,
          queries: [{ expr: sum(rate('fallback_errors_total'), 'name, step'), legend: '{{name}}/{{step}}' }],
          noValue: NONE,
        }),
      ),
    ],
  };
}
