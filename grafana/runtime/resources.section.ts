import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { ranking } from '../parts/ranking.ts';
import { select, sum } from '../parts/query.ts';

/** What the process holds open, and which Node.js it is. */
export function resources(): Section {
  return {
    title: 'Handles and versions',
    lines: [
      line(
        7,
        curves({
          title: 'Active resources',
          description:
            'What keeps the event loop alive, by type: sockets, timers, … One that only grows leaks.',
          queries: [{ expr: sum(select('nodejs_active_resources'), 'type'), legend: '{{type}}' }],
        }),
        curves({
          title: 'Active handles',
          description: 'Handles of libuv by type.',
          queries: [{ expr: sum(select('nodejs_active_handles'), 'type'), legend: '{{type}}' }],
        }),
        curves({
          title: 'File descriptors',
          description: 'Share of the descriptors that the process may have. At 1 no connection is accepted.',
          unit: 'percentunit',
          max: 1,
          thresholds: { warning: 0.7, bad: 0.9 },
          queries: [
            {
              expr: `max by (instance) (${select('process_open_fds')} / ${select('process_max_fds')})`,
              legend: '{{instance}}',
            },
          ],
        }),
        ranking({
          title: 'Node.js',
          description: 'Instances by the version of Node.js that they run on.',
          expr: `count by (version) (${select('nodejs_version_info')})`,
          columns: { version: 'Version' },
          value: 'Instances',
        }),
      ),
    ],
  };
}
