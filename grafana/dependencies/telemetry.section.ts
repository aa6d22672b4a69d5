import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { rate, select, sum } from '../parts/query.ts';

/** Whether what the other panels and traces show is all there is. */
export function telemetry(): Section {
  return {
    title: 'Telemetry',
    lines: [
      line(
        7,
        curves({
          title: 'Spans',
          description: 'Spans per second that the collector has taken, and those that were lost, by reason.',
          unit: 'cps',
          colors: { '^exported$': 'green', '^dropped': 'red' },
          queries: [
            { expr: sum(rate('otel_spans_exported_total')), legend: 'exported' },
            { expr: sum(rate('otel_spans_dropped_total'), 'reason'), legend: 'dropped: {{reason}}' },
          ],
          links: [runbook('SpansDropped'), runbook('CollectorDown')],
        }),
        curves({
          title: 'Traces recorded',
          description: 'Share of the traces beginning here that are recorded.',
          unit: 'percentunit',
          max: 1,
          queries: [
            { expr: `min by (instance) (${select('otel_traces_sampling_ratio')})`, legend: '{{instance}}' },
          ],
        }),
        curves({
          title: 'Log lines missing',
          description:
            'Lines per second that were lost (their reader was too slow), and calls left out on purpose.',
          unit: 'cps',
          queries: [
            { expr: sum(rate('log_lines_dropped_total')), legend: 'lost' },
            { expr: sum(rate('log_call_lines_left_out_total')), legend: 'left out' },
          ],
          links: [runbook('LogLinesDropped')],
        }),
      ),
    ],
  };
}
