import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { rate, select, sum } from '../parts/query.ts';

const NONE = 'no bulkhead';

/** How many calls run beside each other. */
export function bulkheads(): Section {
  return {
    title: 'Bulkheads',
    lines: [
      line(
        7,
        curves({
          title: 'Places taken',
          description: 'Calls that run under each bulkhead at the moment.',
          queries: [
            { expr: sum(select('bulkhead_active'), 'name, instance'), legend: '{{name}} of {{instance}}' },
          ],
          noValue: NONE,
        }),
        curves({
          title: 'Waiting for a place',
          description: 'Calls that wait, and so are slower than what they wait for.',
          queries: [
            { expr: sum(select('bulkhead_queued'), 'name, instance'), legend: '{{name}} of {{instance}}' },
          ],
          noValue: NONE,
        }),
        curves({
          title: 'Calls without a place',
          description:
            'Per second. They are refused with BULKHEAD_FULL: more calls, or slower ones, than there is room for.',
          unit: 'cps',
          queries: [{ expr: sum(rate('bulkhead_refused_total'), 'name'), legend: '{{name}}' }],
          noValue: NONE,
        }),
      ),
    ],
  };
}
