import { nameBucket } from '../context/index.js';
import type { Exemplar, MetricSnapshot, Sample } from './metric.js';

/** Prometheus' own text, or OpenMetrics with exemplars. */
export type ExpositionFormat = 'text' | 'openmetrics';

/**
 * Metrics as a scrape reads them. prom-client's own renderer does not serve here: its OpenMetrics form
 * renames counters for good, writes `le="1"` where the format demands `le="1.0"`, and exemplars exist
 * for one of the two formats only.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats, OpenMetrics 1.0.
 */
export function expose(metrics: readonly MetricSnapshot[], format: ExpositionFormat): string {
  const isOpen = format === 'openmetrics';
  const families = metrics.map((metric) => exposeFamily(metric, isOpen));
  return families.join('') + (isOpen ? '# EOF\n' : '');
}

function exposeFamily({ name, help, type, values }: MetricSnapshot, isOpen: boolean): string {
  const isOpenCounter = isOpen && type === 'counter';
  const family = isOpenCounter ? name.replace(/_total$/, '') : name;
  const sampleName = isOpenCounter ? `${family}_total` : name;
  const lines = [`# HELP ${family} ${escapeText(help, isOpen)}`, `# TYPE ${family} ${type}`];
  for (const sample of values) {
    const exemplar = isOpen && sample.exemplar ? exposeExemplar(sample.exemplar) : '';
    lines.push(
      `${sample.metricName ?? sampleName}${exposeLabels(sample.labels)} ${exposeNumber(sample.value)}${exemplar}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function exposeLabels(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    // Bounds of prom-client's histograms are numbers.
    const text = typeof value === 'string' ? value : name === 'le' ? nameBucket(value) : String(value);
    return `${name}="${escapeText(text, true)}"`;
  });
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function exposeExemplar({ labelSet, value, timestamp }: Exemplar): string {
  return ` # ${exposeLabels(labelSet) || '{}'} ${exposeNumber(value)} ${timestamp}`;
}

function exposeNumber(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** Label values escape quotes in both formats, help texts in OpenMetrics only. */
function escapeText(text: string, escapesQuotes: boolean): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return escapesQuotes ? escaped.replaceAll('"', '\\"') : escaped;
}
