import { latencyPanel } from '../parts/calls.ts';
import { line, type Section } from '../parts/layout.ts';
import { GRPC, REST } from '../parts/transports.ts';

/** Where to start: each point of the latency is a call with a trace. */
export function calls(): Section {
  return { title: 'Calls', lines: [line(8, latencyPanel(REST), latencyPanel(GRPC))] };
}
