import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select, sum } from '../parts/query.ts';
import { upAndDown } from '../parts/up-and-down.ts';

/** What the instances run on, and where it comes from. */
export function configuration(): Section {
  return {
    title: 'Configuration',
    lines: [changed(), sources()],
  };
}

function changed(): Line {
  return line(
    7,
    curves({
      title: 'Looks for changes',
      description:
        'By result, since the start of each process. Refused: the former configuration stays, /config says why.',
      colors: { '^applied$': 'green', '^unchanged$': 'blue', '^refused$': 'orange', '^failed$': 'red' },
      queries: [{ expr: sum(select('config_reloads_total'), 'result'), legend: '{{result}}' }],
      links: [runbook('ConfigRefused')],
    }),
    curves({
      title: 'Revision',
      description: 'Counted by each instance for itself: a step is a change that it took.',
      queries: [{ expr: `max by (instance) (${select('config_revision')})`, legend: '{{instance}}' }],
    }),
  );
}

function sources(): Line {
  return line(
    7,
    upAndDown({
      title: 'Sources',
      description:
        'Whether each source of the configuration can be read. While not, what was read last holds.',
      up: 'read',
      down: 'away',
      queries: [
        {
          expr: `min by (source, instance) (${select('config_source_up')})`,
          legend: '{{source}} of {{instance}}',
        },
      ],
      links: [runbook('ConfigSourceDown')],
      noValue: 'environment and profile only',
    }),
    curves({
      title: 'Settings that wait for a restart',
      description: 'Keys that were changed and that an instance takes at its start only; /config names them.',
      queries: [{ expr: `max by (instance) (${select('config_restart_needed')})`, legend: '{{instance}}' }],
      links: [runbook('ConfigRestartNeeded')],
    }),
  );
}
