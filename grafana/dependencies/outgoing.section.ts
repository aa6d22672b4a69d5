import { faultPanel, latencyPanel, outcomePanel, ratePanel, slowestPanel } from '../parts/calls.ts';
import { line, type Section } from '../parts/layout.ts';
import { GRPC_CLIENT, HTTP_CLIENT } from '../parts/transports.ts';

/** The calls that the service makes. */
export function outgoing(): Section {
  return {
    title: 'Outgoing calls',
    lines: [HTTP_CLIENT, GRPC_CLIENT].flatMap((calls) => [
      line(7, ratePanel(calls), outcomePanel(calls), faultPanel(calls)),
      line(7, latencyPanel(calls), slowestPanel(calls)),
    ]),
  };
}
