import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { VisibilityMode } from '@grafana/grafana-foundation-sdk/common';
import { MappingType, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { legendBelow } from './legend.ts';
import { describe, overTime, type QueriesPanel } from './panel.ts';

export interface UpAndDownPanel extends QueriesPanel {
  /** What 1 means, such as `ready`. */
  readonly up: string;
  /** What 0 means. */
  readonly down: string;
}

/** When something was up (1) and down (0): a lane for each series. */
export function upAndDown(options: UpAndDownPanel): Builder<Panel> {
  const { queries, up, down } = options;
  return describe(new PanelBuilder(), options)
    .targets(overTime(queries))
    .mappings([
      {
        type: MappingType.ValueToText,
        options: { '0': { text: down, color: 'red', index: 1 }, '1': { text: up, color: 'green', index: 0 } },
      },
    ])
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .legend(legendBelow());
}
