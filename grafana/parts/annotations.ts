import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { AnnotationQueryBuilder, type AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard';
import { PROMETHEUS } from './data-sources.ts';
import { select } from './query.ts';
import { shown } from './shown.ts';

/** A version counts as new for so long; it has to be more than a few scrapes. */
const NEW_FOR = '3m';
const BUILD = 'service, env, version, commit';

/** What happened to the service, across every panel: marks where a value is above 0. */
export function annotations(): Builder<AnnotationQuery>[] {
  const builds = (offset = '') => `count by (${BUILD}) (${select('service_info')}${offset})`;
  const marks = [
    mark('Deploys', 'blue', `${builds()} unless ${builds(` offset ${NEW_FOR}`)}`)
      .titleFormat('{{service}} {{version}} is there')
      .textFormat('commit {{commit}}, {{env}}'),
    mark('Drains', 'purple', `count by (service, env, instance) (${select('shutdown_duration_seconds')})`)
      .titleFormat('{{instance}} drains')
      .textFormat('{{service}}, {{env}}'),
    mark('Not ready', 'orange', `max by (service, env, instance) (1 - ${select('service_ready')})`)
      .titleFormat('{{instance}} is not ready')
      .textFormat('{{service}}, {{env}}'),
  ];
  return marks.map((one) => shown(one));
}

function mark(name: string, color: string, expr: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(PROMETHEUS)
    .enable(true)
    .iconColor(color)
    .expr(expr);
}
