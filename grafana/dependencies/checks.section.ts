import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select } from '../parts/query.ts';
import { upAndDown } from '../parts/up-and-down.ts';

/** What the health checks of the service say of its dependencies. */
export function checks(): Section {
  return {
    title: 'Health checks',
    lines: [
      line(
        6,
        upAndDown({
          title: 'Dependencies',
          description:
            'The last health check of each dependency, as /readyz shows it; the log has what failed.',
          up: 'up',
          down: 'down',
          queries: [
            {
              expr: `min by (check, instance) (${select('health_check_up')})`,
              legend: '{{check}} from {{instance}}',
            },
          ],
          links: [runbook('DependencyDown')],
        }),
      ),
    ],
  };
}
