import {
  DashboardLinkBuilder,
  DashboardLinkType,
  type DashboardLink,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { shown } from './shown.ts';

type Link = Builder<DashboardLink>;

/** Every dashboard has it: the links at the top find the others by it. */
export const TAG = 'nest-chassis';
const RUNBOOKS = 'https://github.com/nest-chassis/nest-chassis/blob/main/docs/runbooks';

/** To what an alert asks for: `docs/runbooks/<its name in kebab case>.md`. */
export function runbook(alert: string): Link {
  const page = alert.replaceAll(/(?<=.)(?=[A-Z])/g, '-').toLowerCase();
  return new DashboardLinkBuilder(`Runbook: ${alert}`)
    .type(DashboardLinkType.Link)
    .url(`${RUNBOOKS}/${page}.md`)
    .targetBlank(true);
}

/** From a curve to the logs and traces of the same time; `route` is the label that names its route or rpc. */
export function toExplore(route?: string): Link {
  const narrowed = route === undefined ? '' : `&var-route=\${__field.labels.${route}}`;
  return new DashboardLinkBuilder('Logs and traces')
    .type(DashboardLinkType.Link)
    .url(`/d/explore?\${__url_time_range}&\${__all_variables}${narrowed}`);
}

/** From a row of a table to the logs and traces of the route or rpc that it names under `heading`. */
export function cellToExplore(heading: string): Link {
  return new DashboardLinkBuilder('Logs and traces')
    .type(DashboardLinkType.Link)
    .url(`/d/explore?\${__url_time_range}&\${__all_variables}&var-route=\${__data.fields.${heading}}`);
}

/** The menu of the dashboards, with the variables and the time of this one. */
export function menu(): Link {
  return shown(
    new DashboardLinkBuilder('Dashboards')
      .type(DashboardLinkType.Dashboards)
      .tags([TAG])
      .includeVars(true)
      .keepTime(true),
  );
}
