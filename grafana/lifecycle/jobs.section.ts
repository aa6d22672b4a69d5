import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { quantile, select, sum } from '../parts/query.ts';

/** What runs on a schedule, for nobody who waits. */
export function jobs(): Section {
  return {
    title: 'Jobs',
    lines: [
      line(
        7,
        curves({
          title: 'Job runs',
          description:
            'By job and result. Skipped: due, but an earlier run went on, or the lock could not be asked.',
          isStacked: true,
          colors: { success$: 'green', failure$: 'red', timeout$: 'orange', skipped$: 'yellow' },
          queries: [
            {
              expr: sum(`increase(${select('job_runs_total')}[$__rate_interval])`, 'name, result'),
              legend: '{{name}} {{result}}',
            },
          ],
          links: [runbook('JobFailing')],
        }),
        curves({
          title: 'Job durations',
          description: 'p50 and p99 by job. A run that takes longer than its timeoutMs is aborted.',
          unit: 's',
          queries: [0.5, 0.99].map((q) => ({
            expr: quantile(q, 'job_duration_seconds', 'name'),
            legend: `{{name}} p${q * 100}`,
          })),
          links: [runbook('JobFailing')],
        }),
        curves({
          title: 'Since the last success',
          description: 'Of each job, in whichever instance. It should stay below the time between two runs.',
          unit: 's',
          queries: [
            {
              expr: `time() - max by (name) (${select('job_last_success_timestamp_seconds')})`,
              legend: '{{name}}',
            },
          ],
          links: [runbook('JobFailing')],
        }),
      ),
    ],
  };
}
