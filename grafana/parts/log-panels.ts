import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  GraphDrawStyle,
  LogsDedupStrategy,
  LogsSortOrder,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/logs';
import { DataqueryBuilder, LokiQueryType, QueryEditorMode } from '@grafana/grafana-foundation-sdk/loki';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { LOKI } from './data-sources.ts';
import { legendBelow } from './legend.ts';

/** The lines of the service's log; the labels are those that docker/loki/loki.yaml makes an index of. */
export const LOG = '{service_name=~"$service", deployment_environment_name=~"$env", level=~"$level"}';

export interface LogPanel {
  readonly title: string;
  readonly description: string;
  /** In LogQL. */
  readonly expr: string;
}

/** Log lines, the latest first; a click on one shows its fields. */
export function lines({ title, description, expr }: LogPanel): Builder<Panel> {
  return new PanelBuilder()
    .title(title)
    .description(description)
    .datasource(LOKI)
    .withTarget(logQuery(expr).maxLines(500))
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .sortOrder(LogsSortOrder.Descending)
    .dedupStrategy(LogsDedupStrategy.None);
}

/** A query in LogQL over the time that the dashboard shows. */
function logQuery(expr: string): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId('A')
    .datasource(LOKI)
    .editorMode(QueryEditorMode.Code)
    .queryType(LokiQueryType.Range)
    .expr(expr);
}

export interface LogCurvesPanel extends LogPanel {
  /** Labels of a curve stand in braces: `{{level}}`. */
  readonly legend: string;
}

/** How many log lines there were, over time. */
export function logCurves({ title, description, expr, legend }: LogCurvesPanel): Builder<Panel> {
  return new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(LOKI)
    .withTarget(logQuery(expr).legendFormat(legend))
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(60)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
    .legend(legendBelow())
    .overrideByRegexp('^(error|fatal)$', [{ id: 'color', value: { mode: 'fixed', fixedColor: 'red' } }])
    .overrideByRegexp('^warn$', [{ id: 'color', value: { mode: 'fixed', fixedColor: 'orange' } }]);
}
