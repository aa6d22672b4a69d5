import { faultPanel, latencyPanel, outcomePanel, ratePanel, slowestPanel } from '../parts/calls.ts';
import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { select, sum } from '../parts/query.ts';
import { REST } from '../parts/transports.ts';
import { topCalls } from './top-calls.ts';

/** Rate, errors and duration of the REST calls. */
export function rest(): Section {
  return {
    title: 'REST',
    lines: [
      line(8, ratePanel(REST), outcomePanel(REST), faultPanel(REST)),
      line(
        8,
        latencyPanel(REST),
        slowestPanel(REST),
        curves({
          title: 'REST: under way',
          description:
            'Requests that wait for their answer, and connections. Many idle connections are normal: keep-alive.',
          queries: [
            { expr: sum(select('http_server_active_requests')), legend: 'requests under way' },
            { expr: sum(select('http_server_connections'), 'state'), legend: '{{state}} connections' },
          ],
        }),
      ),
      topCalls(REST, { http_request_method: 'Method', http_route: 'Route' }),
    ],
  };
}
