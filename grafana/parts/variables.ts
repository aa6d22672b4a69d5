import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PROMETHEUS } from './data-sources.ts';

type Variable = Builder<VariableModel>;

/** Where and what is looked at; each choice narrows down the next one. */
export function commonVariables(): Variable[] {
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    labelVariable('env', 'Environment', 'job="service"'),
    labelVariable('service', 'Service', 'job="service",env=~"$env"'),
    labelVariable('instance', 'Instance', 'job="service",env=~"$env",service=~"$service"'),
  ];
}

/** A text that the reader types or pastes; empty = everything. */
export function textVariable(name: string, label: string): Variable {
  return new TextBoxVariableBuilder(name).label(label).defaultValue('');
}

/** The values of a label of `service_info`, one or several of them, all at first. */
function labelVariable(name: string, label: string, among: string): Variable {
  const query = `label_values(service_info{${among}},${name})`;
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(PROMETHEUS)
    .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ text: ['All'], value: ['$__all'] });
}
