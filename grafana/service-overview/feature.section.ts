import { faultPanel, latencyPanel, ratePanel, type Calls } from '../parts/calls.ts';
import { curves } from '../parts/curves.ts';
import { line, type Line, type Section } from '../parts/layout.ts';
import { GRPC, REST } from '../parts/transports.ts';
import type { FeaturePanel, FeatureRow } from '../feature-row.ts';

const PANELS_A_LINE = 3;

/** A feature's part of the service overview: its calls on each transport that it has, then its own panels. */
export function featureSection({ title, route, rpcService, panels = [] }: FeatureRow): Section {
  return {
    title,
    lines: [
      ...(route === undefined
        ? []
        : [calls({ ...REST, name: `${title}, REST`, labels: `http_route=~${JSON.stringify(route)}` })]),
      ...(rpcService === undefined
        ? []
        : [calls({ ...GRPC, name: `${title}, gRPC`, labels: `rpc_service=${JSON.stringify(rpcService)}` })]),
      ...ownPanels(panels),
    ],
  };
}

function calls(of: Calls): Line {
  return line(7, ratePanel(of), faultPanel(of), latencyPanel(of));
}

function ownPanels(panels: readonly FeaturePanel[]): Line[] {
  const lines = [];
  for (let index = 0; index < panels.length; index += PANELS_A_LINE) {
    const some = panels.slice(index, index + PANELS_A_LINE);
    lines.push(line(7, ...some.map((panel) => curves({ description: '', ...panel }))));
  }
  return lines;
}
