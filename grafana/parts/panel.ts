import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import type { DashboardLink, ThresholdsConfig } from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { PROMETHEUS } from './data-sources.ts';
import type { Query } from './query.ts';
import { toThresholds, type Thresholds } from './thresholds.ts';

type Link = Builder<DashboardLink>;

/** What every panel of metrics has. */
export interface PanelOptions {
  readonly title: string;
  /** What the panel tells, and what to do about it; shown at its corner. */
  readonly description: string;
  /** As Grafana names it: `s`, `bytes`, `reqps`, `percentunit`, … @default short, a plain number */
  readonly unit?: string;
  /** @default always green */
  readonly thresholds?: Thresholds;
  /** From a value or a curve. */
  readonly dataLinks?: readonly Link[];
  /** Of the panel as a whole: its runbooks. */
  readonly links?: readonly Link[];
  /** What stands there without a value. @default Grafana's "No data" */
  readonly noValue?: string;
}

export interface QueriesPanel extends PanelOptions {
  readonly queries: readonly Query[];
}

/** The part of the SDK's panel builders that all of them have. */
interface PanelBuilder {
  title(text: string): this;
  description(text: string): this;
  datasource(ref: DataSourceRef): this;
  unit(name: string): this;
  links(links: Link[]): this;
  dataLinks(links: Link[]): this;
  noValue(text: string): this;
  thresholds(thresholds: Builder<ThresholdsConfig>): this;
}

/** Gives a panel all that `options` say but its queries. */
export function describe<P extends PanelBuilder>(panel: P, options: PanelOptions): P {
  const { title, description, unit = 'short', links = [], dataLinks = [], noValue, thresholds } = options;
  panel.title(title).description(description).datasource(PROMETHEUS).unit(unit);
  if (links.length > 0) panel.links([...links]);
  if (dataLinks.length > 0) panel.dataLinks([...dataLinks]);
  if (noValue !== undefined) panel.noValue(noValue);
  return panel.thresholds(toThresholds(thresholds));
}

/** The queries over the time that the dashboard shows. */
export function overTime(queries: readonly Query[]): prometheus.DataqueryBuilder[] {
  return queries.map((query, index) => target(query, index).range());
}

/** The queries at the end of that time. */
export function atTheEnd(queries: readonly Query[]): prometheus.DataqueryBuilder[] {
  return queries.map((query, index) => target(query, index).instant());
}

function target({ expr, legend, exemplars = false }: Query, index: number): prometheus.DataqueryBuilder {
  const query = new prometheus.DataqueryBuilder()
    .refId(refId(index))
    .datasource(PROMETHEUS)
    .editorMode(prometheus.QueryEditorMode.Code)
    .expr(expr)
    .legendFormat(legend);
  return exemplars ? query.exemplar(true) : query;
}

/** Grafana's names of a panel's queries: `A`, `B`, … */
export function refId(index: number): string {
  return String.fromCodePoint(65 + index);
}
