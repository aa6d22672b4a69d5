import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { PanelBuilder, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { DataqueryBuilder, SearchTableType } from '@grafana/grafana-foundation-sdk/tempo';
import { TEMPO } from './data-sources.ts';

const MAX_TRACES = 50;

export interface TracePanel {
  readonly title: string;
  readonly description: string;
  /** In TraceQL, or the id of one trace. */
  readonly query: string;
}

/** TraceQL's condition for the service's own spans. */
export const SPANS = 'resource.service.name =~ "$service" && resource.deployment.environment.name =~ "$env"';

/** A table of the traces that a search finds; their ids open them. */
export function traces({ title, description, query }: TracePanel): Builder<Panel> {
  return new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(TEMPO)
    .withTarget(traceQuery(query).limit(MAX_TRACES).tableType(SearchTableType.Traces));
}

/** The spans of one trace. */
export function trace({ title, description, query }: TracePanel): Builder<Panel> {
  return new PanelBuilder()
    .type('traces')
    .title(title)
    .description(description)
    .datasource(TEMPO)
    .withTarget(traceQuery(query));
}

function traceQuery(query: string): DataqueryBuilder {
  return new DataqueryBuilder().refId('A').datasource(TEMPO).queryType('traceql').query(query).filters([]);
}
