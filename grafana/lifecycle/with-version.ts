import { select } from '../parts/query.ts';

const INSTANCE = 'service, env, instance';

/** The series with the labels `version` and `commit` of the build that their instance runs. */
export function withVersion(expr: string): string {
  const builds = `max by (${INSTANCE}, version, commit) (${select('service_info')})`;
  return `${expr} * on (${INSTANCE}) group_left (version, commit) ${builds}`;
}
