// The face for the primary process, which loads neither the container nor prom-client.
export { expose } from './exposition.js';
export type { Buckets, MetricSnapshot, Sample } from './metric.js';
export type { MetricDescription } from './metrics-document.js';
