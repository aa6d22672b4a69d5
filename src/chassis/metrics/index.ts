export { Counter, CounterSeries } from './counter.js';
export type { LabelValues, MetricDefinition } from './definition.js';
export { Gauge, GaugeSeries } from './gauge.js';
export { Histogram, HistogramSeries } from './histogram.js';
export { renderMetricsDocument, type MetricDescription } from './metrics-document.js';
export { MetricsModule } from './metrics.module.js';
export {
  MetricsRegistry,
  type CollectedDefinition,
  type GaugeDefinition,
  type HistogramDefinition,
} from './metrics-registry.js';
export { RpcClientMetrics } from './rpc-client-metrics.js';
export { OVERFLOW } from './series-table.js';
