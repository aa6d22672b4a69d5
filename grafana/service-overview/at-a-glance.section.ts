import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { callRate, faultShare } from '../parts/calls.ts';
import { figure } from '../parts/figure.ts';
import { line, type Section } from '../parts/layout.ts';
import { runbook } from '../parts/links.ts';
import { select, sum } from '../parts/query.ts';
import { GRPC, REST } from '../parts/transports.ts';

/** Whether all is well, in six figures. */
export function atAGlance(): Section {
  return {
    title: 'At a glance',
    lines: [
      line(
        4,
        figure({
          title: 'Instances ready',
          description: 'Instances that want calls, as /readyz says.',
          queries: [{ expr: sum(select('service_ready')), legend: 'ready' }],
          thresholds: { bad: 1, isMoreBetter: true },
          noValue: 'none is scraped',
          links: [runbook('ServiceDown'), runbook('ServiceNotReady')],
        }),
        figure({
          title: 'Calls per second',
          description: 'Finished calls of both transports.',
          unit: 'reqps',
          queries: [
            { expr: `${sum(callRate(REST))} or vector(0)`, legend: 'REST' },
            { expr: `${sum(callRate(GRPC))} or vector(0)`, legend: 'gRPC' },
          ],
        }),
        faultFigure('Errors, REST', 'RestErrorBudgetBurnFast', faultShare(REST)),
        faultFigure('Errors, gRPC', 'GrpcErrorBudgetBurnFast', faultShare(GRPC)),
        figure({
          title: 'Calls under way',
          description: 'Calls that have not ended, open streams included.',
          queries: [
            { expr: sum(select('http_server_active_requests')), legend: 'REST' },
            { expr: sum(select('rpc_server_active_calls')), legend: 'gRPC' },
          ],
        }),
        figure({
          title: 'Alerts',
          description: 'Alerts of the service that fire at the moment, those of single instances included.',
          queries: [
            {
              expr: 'count(ALERTS{alertstate="firing",service=~"$service",env=~"$env"}) or vector(0)',
              legend: 'firing',
            },
          ],
          thresholds: { bad: 1 },
        }),
      ),
    ],
  };
}

function faultFigure(title: string, alert: string, expr: string): Builder<Panel> {
  return figure({
    title,
    description: 'Share of calls that failed for a fault of the service.',
    unit: 'percentunit',
    queries: [{ expr, legend: 'errors' }],
    thresholds: { warning: 0.001, bad: 0.01 },
    noValue: 'no calls',
    links: [runbook(alert)],
  });
}
