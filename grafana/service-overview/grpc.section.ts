import { faultPanel, latencyPanel, outcomePanel, ratePanel, slowestPanel } from '../parts/calls.ts';
import { curves } from '../parts/curves.ts';
import { line, type Section } from '../parts/layout.ts';
import { rate, select, sum } from '../parts/query.ts';
import { GRPC } from '../parts/transports.ts';
import { topCalls } from './top-calls.ts';

/** Rate, errors and duration of the gRPC calls. */
export function grpc(): Section {
  return {
    title: 'gRPC',
    lines: [
      line(8, ratePanel(GRPC), outcomePanel(GRPC), faultPanel(GRPC)),
      line(
        8,
        latencyPanel(GRPC),
        slowestPanel(GRPC),
        curves({
          title: 'gRPC: under way',
          description: 'Calls that have not ended, streams among them, and connections.',
          queries: [
            { expr: sum(select('rpc_server_active_calls')), legend: 'calls under way' },
            { expr: sum(select('rpc_server_connections')), legend: 'connections' },
          ],
        }),
        curves({
          title: 'gRPC: messages',
          description: 'Messages per second, those of open streams included.',
          unit: 'cps',
          queries: [
            { expr: sum(rate('rpc_server_messages_received_total')), legend: 'received' },
            { expr: sum(rate('rpc_server_messages_sent_total')), legend: 'sent' },
          ],
        }),
      ),
      topCalls(GRPC, { rpc_service: 'Service', rpc_method: 'Method' }),
    ],
  };
}
