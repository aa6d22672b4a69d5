import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select, sum } from '../parts/query.ts';
import { ranking } from '../parts/ranking.ts';
import { upAndDown } from '../parts/up-and-down.ts';

/** How instances come and go. */
export function drains(): Section {
  return {
    title: 'Readiness and drains',
    lines: [now(), soFar()],
  };
}

function now(): Line {
  return line(
    7,
    upAndDown({
      title: 'Scraped',
      description: 'Whether Prometheus reaches the management port.',
      up: 'up',
      down: 'down',
      queries: [{ expr: `max by (instance) (${select('up')})`, legend: '{{instance}}' }],
      links: [runbook('ServiceDown')],
    }),
    upAndDown({
      title: 'Ready',
      description: 'Whether the instance wants calls: not while it starts, drains, or misses what it needs.',
      up: 'ready',
      down: 'not ready',
      queries: [{ expr: `max by (instance) (${select('service_ready')})`, legend: '{{instance}}' }],
      links: [runbook('ServiceNotReady')],
    }),
    curves({
      title: 'Calls under way',
      description: 'Of a drained instance they go to 0 before it ends.',
      queries: [
        { expr: sum(select('http_server_active_requests'), 'instance'), legend: '{{instance}} REST' },
        { expr: sum(select('rpc_server_active_calls'), 'instance'), legend: '{{instance}} gRPC' },
      ],
    }),
  );
}

function soFar(): Line {
  return line(
    7,
    ranking({
      title: 'Drains by stage',
      description:
        'How long each stage took in the time shown, as far as it was scraped before the end. docs/lifecycle.md has the stages and their limits.',
      unit: 's',
      expr: `max by (instance, stage) (max_over_time(${select('shutdown_duration_seconds')}[$__range]))`,
      columns: { instance: 'Instance', stage: 'Stage' },
      value: 'Longest',
      noValue: 'no drain',
    }),
    ranking({
      title: 'Restarts',
      description: 'Processes that came up anew at the same address, in the time shown.',
      expr: `sum by (instance) (changes(${select('process_start_time_seconds')}[$__range]))`,
      columns: { instance: 'Instance' },
      value: 'Restarts',
      thresholds: { warning: 1, bad: 3 },
      links: [runbook('ServiceRestartLoop')],
    }),
  );
}
