import { callRate, type Calls } from '../parts/calls.ts';
import { line, type Line } from '../parts/layout.ts';
import { cellToExplore } from '../parts/links.ts';
import { quantile, sum } from '../parts/query.ts';
import { ranking } from '../parts/ranking.ts';

const ROWS = 10;

/** What fails most and what takes longest over the time that the dashboard shows. */
export function topCalls(calls: Calls, columns: Readonly<Record<string, string>>): Line {
  const by = Object.keys(columns).join(', ');
  const overall = (expr: string) => expr.replaceAll('$__rate_interval', '$__range');
  const dataLinks = [cellToExplore(columns[calls.target] ?? '')];
  return line(
    8,
    ranking({
      title: `${calls.name}: most errors`,
      description: `The ${ROWS} with the most errors of the service per second, over the time shown.`,
      unit: 'cps',
      expr: `topk(${ROWS}, ${overall(sum(callRate(calls, calls.faults), by))} > 0)`,
      columns,
      value: 'Errors',
      noValue: 'no errors',
      dataLinks,
    }),
    ranking({
      title: `${calls.name}: longest`,
      description: `The ${ROWS} with the highest p99 latency, over the time shown.`,
      unit: 's',
      expr: `topk(${ROWS}, ${overall(quantile(0.99, calls.histogram, by))} > 0)`,
      columns,
      value: 'p99',
      dataLinks,
    }),
  );
}
