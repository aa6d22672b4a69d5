import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { QueriesPanel } from './panel.ts';
import { states } from './states.ts';

export interface UpAndDownPanel extends QueriesPanel {
  /** What 1 means, such as `ready`. */
  readonly up: string;
  /** What 0 means. */
  readonly down: string;
  /** 1 is the red one. @default false */
  readonly isUpBad?: boolean;
}

/** When something was up (1) and down (0): a lane for each series. */
export function upAndDown({ up, down, isUpBad = false, ...options }: UpAndDownPanel): Builder<Panel> {
  const [upColor, downColor] = isUpBad ? ['red', 'green'] : ['green', 'red'];
  return states({
    ...options,
    states: new Map([
      [1, { text: up, color: upColor }],
      [0, { text: down, color: downColor }],
    ]),
  });
}
