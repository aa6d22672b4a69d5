import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { QueriesPanel } from './panel.ts';
import { states } from './states.ts';

export interface UpAndDownPanel extends QueriesPanel {
  /** What 1 means, such as `ready`. */
  readonly up: string;
  /** What 0 means. */
  readonly down: string;
}

/** When something was up (1) and down (0): a lane for each series. */
export function upAndDown({ up, down, ...options }: UpAndDownPanel): Builder<Panel> {
  return states({
    ...options,
    states: new Map([
      [1, { text: up, color: 'green' }],
      [0, { text: down, color: 'red' }],
    ]),
  });
}
