import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { VisibilityMode } from '@grafana/grafana-foundation-sdk/common';
import { MappingType, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { legendBelow } from './legend.ts';
import { describe, overTime, type QueriesPanel } from './panel.ts';

/** What a value means. */
export interface State {
  readonly text: string;
  readonly color: string;
}

export interface StatesPanel extends QueriesPanel {
  /** By value; in the order of the legend. */
  readonly states: ReadonlyMap<number, State>;
}

/** When something was in which state: a lane for each series. */
export function states(options: StatesPanel): Builder<Panel> {
  const results: Record<string, State & { readonly index: number }> = {};
  for (const [index, [value, state]] of [...options.states].entries()) results[value] = { ...state, index };
  return describe(new PanelBuilder(), options)
    .targets(overTime(options.queries))
    .mappings([{ type: MappingType.ValueToText, options: results }])
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .legend(legendBelow());
}
