import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { toExplore, runbook } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';

const ACTIVE = rate('nodejs_eventloop_time_seconds_total', 'nodejs_eventloop_state="active"');
const ALL = rate('nodejs_eventloop_time_seconds_total');

/** Whether JavaScript keeps up: one event loop has one core. */
export function eventLoop(): Section {
  return {
    title: 'Event loop and CPU',
    lines: [
      line(
        8,
        curves({
          title: 'Event loop: utilisation',
          description:
            'Share of the time that the event loop worked. Near 1 there is no reserve: add instances or workers.',
          unit: 'percentunit',
          max: 1,
          thresholds: { warning: 0.7, bad: 0.9 },
          queries: [{ expr: `${sum(ACTIVE, 'instance')} / ${sum(ALL, 'instance')}`, legend: '{{instance}}' }],
          links: [runbook('EventLoopSaturated')],
        }),
        curves({
          title: 'Event loop: delay',
          description:
            'How late timers are. A high maximum beside a low p50 is single long turns: look for synchronous work.',
          unit: 's',
          queries: ['p50', 'p99', 'max'].map((name) => ({
            expr: `max by (instance) (${select(`nodejs_eventloop_lag_${name}_seconds`)})`,
            legend: `{{instance}} ${name}`,
          })),
          dataLinks: [toExplore()],
          links: [runbook('EventLoopSaturated')],
        }),
        curves({
          title: 'CPU',
          description:
            'Cores in use. More than the event loop: garbage collection, compression, TLS have threads.',
          isStacked: true,
          queries: [
            { expr: sum(rate('process_cpu_user_seconds_total'), 'instance'), legend: '{{instance}} user' },
            {
              expr: sum(rate('process_cpu_system_seconds_total'), 'instance'),
              legend: '{{instance}} system',
            },
          ],
        }),
      ),
    ],
  };
}
