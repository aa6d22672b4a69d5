/** A query in PromQL with what its curves are called. */
export interface Query {
  readonly expr: string;
  /** Labels of a curve stand in braces: `{{http_route}}`. */
  readonly legend: string;
  /** Shows the trace ids that Prometheus has stored with the buckets, as points. @default false */
  readonly exemplars?: boolean;
}

/** Selects what the variables name; every query of the service's metrics has it. */
export const SERVICE = 'job="service",service=~"$service",env=~"$env",instance=~"$instance"';

/** The series of a metric; `labels` narrow them down as in PromQL: `select('workers', 'state="ready"')`. */
export function select(metric: string, labels = ''): string {
  return `${metric}{${SERVICE}${labels && `,${labels}`}}`;
}

/** How fast a counter grows, per second and series. */
export function rate(metric: string, labels = ''): string {
  return `rate(${select(metric, labels)}[$__rate_interval])`;
}

/** `sum by (…)`, or of everything. */
export function sum(expr: string, by = ''): string {
  return by ? `sum by (${by}) (${expr})` : `sum(${expr})`;
}

/**
 * Which share of `whole` is `part`, 0 to 1. A part that was never counted is a share of 0, once there is a whole; without
 * calls there is no share.
 */
export function share(part: string, whole: string, by = ''): string {
  const all = sum(whole, by);
  return `(${sum(part, by)} or ${all} * 0) / ${all}`;
}

/** A quantile of a classic histogram; `metric` without `_bucket`. */
export function quantile(q: number, metric: string, by = '', labels = ''): string {
  return `histogram_quantile(${q}, ${sum(rate(`${metric}_bucket`, labels), by ? `${by}, le` : 'le')})`;
}
