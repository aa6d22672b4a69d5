import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import { atTheEnd, describe, type PanelOptions } from './panel.ts';

export interface RankingPanel extends PanelOptions {
  /** A row for each of its series. */
  readonly expr: string;
  /** The labels to show, each with the heading of its column. */
  readonly columns: Readonly<Record<string, string>>;
  /** The heading of the value's column. */
  readonly value: string;
}

/** The series at the end of the time that the dashboard shows, as a table with the largest value first. */
export function ranking(options: RankingPanel): Builder<Panel> {
  const { expr, columns, value } = options;
  const headings = { ...columns, Value: value };
  const order = Object.fromEntries(Object.keys(headings).map((field, index) => [field, index]));
  const targets = atTheEnd([{ expr, legend: '' }]).map((target) => target.format(PromQueryFormat.Table));
  return describe(new PanelBuilder(), options)
    .targets(targets)
    .withTransformation({
      id: 'filterFieldsByName',
      options: { include: { names: Object.keys(headings) } },
    })
    .withTransformation({ id: 'organize', options: { indexByName: order, renameByName: headings } })
    .sortBy([new TableSortByFieldStateBuilder().displayName(value).desc(true)]);
}
