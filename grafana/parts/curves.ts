import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { legendBelow } from './legend.ts';
import { describe, overTime, type QueriesPanel } from './panel.ts';

export interface CurvesPanel extends QueriesPanel {
  /** The curves are parts of a sum. @default false */
  readonly isStacked?: boolean;
  /** Where the axis ends at least, such as 1 for a share. @default the largest value */
  readonly max?: number;
  /** Colours of curves, by a regular expression on their names. @default the palette's */
  readonly colors?: Readonly<Record<string, string>>;
}

/** Values over time; thresholds are dashed lines. */
export function curves(options: CurvesPanel): Builder<Panel> {
  const { queries, isStacked = false, max, thresholds, colors = {} } = options;
  const stacking = isStacked ? StackingMode.Normal : StackingMode.None;
  const panel = describe(new PanelBuilder(), options)
    .targets(overTime(queries))
    .min(0)
    .lineWidth(1)
    .fillOpacity(isStacked ? 30 : 8)
    .showPoints(VisibilityMode.Never)
    .stacking(new StackingConfigBuilder().mode(stacking))
    .legend(legendBelow())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (max !== undefined) panel.axisSoftMax(max);
  if (thresholds)
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  for (const [name, color] of Object.entries(colors))
    panel.overrideByRegexp(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]);
  return panel;
}
