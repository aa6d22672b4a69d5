import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select, sum } from '../parts/query.ts';

const during = (metric: string) => `increase(${select(metric)}[$__rate_interval])`;

/** What changes while instances go on. */
export function changes(): Section {
  return {
    title: 'Workers and files',
    lines: [
      line(
        7,
        curves({
          title: 'Workers',
          description: 'Worker processes by state, where WORKERS makes several.',
          isStacked: true,
          queries: [{ expr: sum(select('workers'), 'state'), legend: '{{state}}' }],
          colors: { '^ready$': 'green', '^starting$': 'blue', '^draining$': 'purple' },
          noValue: 'WORKERS=1',
        }),
        curves({
          title: 'Workers started in place of others',
          description: 'Reason rolling is SIGUSR2; reason crash is a fault of the service.',
          queries: [
            {
              expr: sum(during('worker_restarts_total'), 'instance, reason'),
              legend: '{{instance}} {{reason}}',
            },
          ],
          colors: { crash$: 'red' },
          links: [runbook('WorkersRestarting')],
          noValue: 'WORKERS=1',
        }),
        curves({
          title: 'Files read again',
          description:
            'Certificates, API keys and mTLS identities that were changed under the running service.',
          queries: [
            { expr: sum(select('tls_reloads_total'), 'result'), legend: 'certificates: {{result}}' },
            { expr: sum(select('auth_file_reloads_total'), 'file, result'), legend: '{{file}}: {{result}}' },
          ],
          colors: { '(failed|failure)$': 'red' },
        }),
      ),
    ],
  };
}
