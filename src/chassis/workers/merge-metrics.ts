import type { Buckets, MetricSnapshot, Sample } from '../metrics/primary.js';

/** What one worker says of its metrics. */
export interface WorkerMetrics {
  readonly worker: number;
  readonly metrics: readonly MetricSnapshot[];
}

interface Family extends Omit<MetricSnapshot, 'values'> {
  readonly shape: string;
  readonly samples: Map<string, Sample>;
}

/** Families whose samples tell the same of every worker. */
const SAME_EVERYWHERE = /_info$/;

/**
 * The metrics of all workers as those of one service, sorted by name. Counters and histograms add up, gauges
 * that say so alike; every other gauge has a series for each worker, told apart by the label `worker`.
 * @param workers the newest first: where code of two versions serves, its definitions count
 * @param past counts of workers that have ended, see `addToPast`
 */
export function mergeMetrics(
  workers: readonly WorkerMetrics[],
  past: readonly MetricSnapshot[] = [],
): MetricSnapshot[] {
  const families = new Map<string, Family>();
  for (const { worker, metrics } of workers) {
    for (const metric of metrics) merge(families, isOfEach(metric) ? withWorker(metric, worker) : metric);
  }
  for (const metric of past) merge(families, metric);
  return [...families.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(toSnapshot);
}

/** `past` with the counts of one more worker: what it counted goes on counting, what it was is over. */
export function addToPast(
  past: readonly MetricSnapshot[],
  ended: readonly MetricSnapshot[],
): MetricSnapshot[] {
  const counts = ended.filter(({ type }) => type !== 'gauge');
  return mergeMetrics([{ worker: 0, metrics: counts }], past);
}

function toSnapshot({ shape: _, samples, ...metric }: Family): MetricSnapshot {
  return { ...metric, values: [...samples.values()] };
}

function merge(families: Map<string, Family>, snapshot: MetricSnapshot): void {
  const { values, bounds, ...metric } = snapshot;
  const shape = shapeOf(snapshot);
  let family = families.get(metric.name);
  // A histogram whose bounds have changed with the code cannot be added up: it begins anew.
  if (family && (values.length === 0 || (family.samples.size > 0 && family.shape !== shape))) return;
  if (!family || family.samples.size === 0) {
    family = { ...metric, ...family, ...(bounds && { bounds }), shape, samples: new Map<string, Sample>() };
    families.set(metric.name, family);
  }
  for (const sample of values) {
    const key = keyOf(sample);
    const known = family.samples.get(key);
    family.samples.set(key, known && !SAME_EVERYWHERE.test(metric.name) ? add(known, sample) : sample);
  }
}

function add(one: Sample, other: Sample): Sample {
  const exemplar = latest(one.exemplar, other.exemplar);
  const buckets = one.buckets && other.buckets && addBuckets(one.buckets, other.buckets);
  return {
    ...one,
    value: one.value + other.value,
    ...(exemplar && { exemplar }),
    ...(buckets && { buckets }),
  };
}

function addBuckets(one: Buckets, other: Buckets): Buckets {
  return {
    counts: one.counts.map((count, index) => count + (other.counts[index] ?? 0)),
    exemplars: one.exemplars.map((exemplar, index) => latest(exemplar, other.exemplars[index]) ?? null),
  };
}

function latest(one: Sample['exemplar'], other: Sample['exemplar']): Sample['exemplar'] {
  return one && other ? (one.timestamp < other.timestamp ? other : one) : (one ?? other);
}

function isOfEach({ name, type, acrossWorkers }: MetricSnapshot): boolean {
  return type === 'gauge' && acrossWorkers !== 'sum' && !SAME_EVERYWHERE.test(name);
}

function withWorker(metric: MetricSnapshot, worker: number): MetricSnapshot {
  const values = metric.values.map((sample) => ({
    ...sample,
    labels: { ...sample.labels, worker: String(worker) },
  }));
  return { ...metric, values };
}

/** The type, and a histogram's bounds. */
function shapeOf({ type, bounds, values }: MetricSnapshot): string {
  if (type !== 'histogram') return type;
  const ofSamples = () => values.flatMap(({ labels }) => ('le' in labels ? [String(labels['le'])] : []));
  return [type, ...(bounds ?? new Set(ofSamples()))].join(' ');
}

function keyOf({ metricName = '', labels }: Sample): string {
  const pairs = Object.entries(labels).map(([name, value]) => [name, String(value)] as const);
  return JSON.stringify([metricName, ...pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
