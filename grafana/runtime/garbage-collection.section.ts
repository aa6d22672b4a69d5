import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { quantile, rate, sum } from '../parts/query.ts';

const GC = 'nodejs_gc_duration_seconds';

/** What cleaning up costs. */
export function garbageCollection(): Section {
  return {
    title: 'Garbage collection',
    lines: [
      line(
        7,
        curves({
          title: 'Time of garbage collection',
          description: 'Share of the time by kind. Much of kind major means that the heap is nearly full.',
          unit: 'percentunit',
          isStacked: true,
          queries: [{ expr: sum(rate(`${GC}_sum`), 'instance, kind'), legend: '{{instance}} {{kind}}' }],
          links: [runbook('HeapNearLimit')],
        }),
        curves({
          title: 'Collections per second',
          description: 'Those of kind minor are cheap and follow the rate of calls.',
          unit: 'cps',
          queries: [{ expr: sum(rate(`${GC}_count`), 'instance, kind'), legend: '{{instance}} {{kind}}' }],
        }),
        curves({
          title: 'p99 of a collection',
          description: 'Calls wait for so long, one in a hundred times.',
          unit: 's',
          queries: [{ expr: quantile(0.99, GC, 'kind'), legend: '{{kind}}' }],
        }),
      ),
    ],
  };
}
