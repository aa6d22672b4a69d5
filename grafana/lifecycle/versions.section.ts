import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { callRate, type Calls } from '../parts/calls.ts';
import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { toExplore } from '../parts/links.ts';
import { rate, select, share, sum } from '../parts/query.ts';
import { ranking } from '../parts/ranking.ts';
import { GRPC, REST } from '../parts/transports.ts';
import { withVersion } from './with-version.ts';

/** Which builds run, and whether the new one serves as well as the old one. */
export function versions(): Section {
  return {
    title: 'Versions',
    lines: [
      line(
        7,
        curves({
          title: 'Instances by version',
          description: 'A deploy is one version going and another one coming.',
          isStacked: true,
          queries: [
            {
              expr: `count by (version, commit) (${select('service_info')})`,
              legend: '{{version}} {{commit}}',
            },
          ],
        }),
        ranking({
          title: 'Instances',
          description: 'What runs where, and for how long.',
          unit: 's',
          expr: `max by (instance, version, commit) (${withVersion(`(time() - ${select('process_start_time_seconds')})`)})`,
          columns: { instance: 'Instance', version: 'Version', commit: 'Commit' },
          value: 'Up for',
        }),
      ),
      line(7, ...[REST, GRPC].flatMap((calls) => [faultsByVersion(calls), latencyByVersion(calls)])),
    ],
  };
}

function faultsByVersion(calls: Calls): Builder<Panel> {
  const part = withVersion(callRate(calls, calls.faults));
  return curves({
    title: `${calls.name}: share of errors by version`,
    description: 'A version that fails more often than the one before should go back.',
    unit: 'percentunit',
    max: 0.01,
    queries: [{ expr: share(part, withVersion(callRate(calls)), 'version'), legend: '{{version}}' }],
    dataLinks: [toExplore()],
  });
}

function latencyByVersion(calls: Calls): Builder<Panel> {
  const buckets = sum(withVersion(rate(`${calls.histogram}_bucket`)), 'version, le');
  return curves({
    title: `${calls.name}: p99 latency by version`,
    description: 'Time in which 99 % of the calls were answered.',
    unit: 's',
    queries: [{ expr: `histogram_quantile(0.99, ${buckets})`, legend: '{{version}}' }],
    dataLinks: [toExplore()],
  });
}
