import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { quantile, rate, select, sum } from '../parts/query.ts';
import { upAndDown } from '../parts/up-and-down.ts';

/** The audit trail. */
export function audit(): Section {
  return {
    title: 'Audit trail',
    lines: [
      line(
        7,
        upAndDown({
          title: 'Sink',
          description:
            'Whether entries can be written. While not, audited calls are refused (AUDIT_ON_FAILURE).',
          up: 'writes',
          down: 'fails',
          queries: [{ expr: `min by (instance) (${select('audit_sink_up')})`, legend: '{{instance}}' }],
          links: [runbook('AuditSinkFailing')],
          noValue: 'AUDIT_SINK=none',
        }),
        curves({
          title: 'Entries',
          description: 'Per second by result: written, refused, lost.',
          unit: 'cps',
          isStacked: true,
          colors: { '^written$': 'green', '^(refused|lost)$': 'red' },
          queries: [{ expr: sum(rate('audit_entries_total'), 'result'), legend: '{{result}}' }],
          links: [runbook('AuditSinkFailing')],
          noValue: 'AUDIT_SINK=none',
        }),
        curves({
          title: 'Entries waiting',
          description: 'Entries that are not durable yet; calls wait for theirs.',
          queries: [{ expr: sum(select('audit_entries_waiting'), 'instance'), legend: '{{instance}}' }],
          noValue: 'AUDIT_SINK=none',
        }),
        curves({
          title: 'Time of a write',
          description:
            'p50 and p99 until a batch of entries was durable: what the disk adds to audited calls.',
          unit: 's',
          queries: [0.5, 0.99].map((q) => ({
            expr: quantile(q, 'audit_write_duration_seconds'),
            legend: `p${q * 100}`,
          })),
          noValue: 'AUDIT_SINK=none',
        }),
      ),
    ],
  };
}
