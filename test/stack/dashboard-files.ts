import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Dashboard,
  FieldConfigSource,
  Panel,
  RowPanel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PROJECT } from '../support/build.js';

const FOLDER = join(PROJECT, 'grafana/dashboards');

/** A query of a panel, of whatever data source. */
export interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  /** PromQL or LogQL. */
  readonly expr?: string;
  /** TraceQL. */
  readonly query?: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly exemplar?: boolean;
}

/** A panel that shows something; rows are only headings. */
export type ShownPanel = Omit<Panel, 'targets'> & {
  readonly id: number;
  readonly title: string;
  readonly targets: readonly Target[];
  readonly fieldConfig: FieldConfigSource;
};

export interface DashboardFile {
  readonly name: string;
  readonly json: Dashboard;
  readonly all: readonly (Panel | RowPanel)[];
  readonly panels: readonly ShownPanel[];
  readonly variables: readonly VariableModel[];
}

/** The shipped dashboards. */
export function readDashboards(): DashboardFile[] {
  return readdirSync(FOLDER)
    .toSorted()
    .map((name) => parts(name, JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Dashboard));
}

/** A dashboard in the parts that tests look at. */
export function parts(name: string, json: Dashboard): DashboardFile {
  const all = json.panels ?? [];
  return {
    name,
    json,
    all,
    panels: all.filter(({ type }) => type !== 'row') as unknown as ShownPanel[],
    variables: json.templating?.list ?? [],
  };
}
