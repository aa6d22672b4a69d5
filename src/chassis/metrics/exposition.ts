import { setImmediate } from 'node:timers/promises';
import { nameBucket } from '../context/index.js';
import type { Exemplar, MetricSnapshot, Sample } from './metric.js';
import { negotiate, type ExpositionFormat } from './negotiate.js';

const MAY_NEED_ESCAPE = /[\\\n"]/;

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Samples that one turn of the event loop writes: calls go on while a large scrape is put together. */
const SAMPLES_A_TURN = 200;

/** A scrape's answer. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Metrics as a scrape reads them, in the format that `accept`, an HTTP header, asks for. */
export async function expose(
  metrics: readonly MetricSnapshot[],
  accept: string | undefined,
): Promise<Exposition> {
  const format = negotiate(accept);
  return { contentType: CONTENT_TYPES[format], body: await render(metrics, format) };
}

/**
 * prom-client's own renderer does not serve here: its OpenMetrics form renames counters for good, writes `le="1"` where
 * the format demands `le="1.0"`, and exemplars exist for one of the two formats only.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats, OpenMetrics 1.0.
 */
async function render(metrics: readonly MetricSnapshot[], format: ExpositionFormat): Promise<string> {
  const isOpen = format === 'openmetrics';
  let text = '';
  let written = 0;
  for (const metric of metrics) {
    for (const lines of exposeFamily(metric, isOpen)) {
      text += lines;
      written += 1;
      if (written % SAMPLES_A_TURN === 0) await setImmediate();
    }
  }
  return isOpen ? `${text}# EOF\n` : text;
}

function* exposeFamily(metric: MetricSnapshot, isOpen: boolean): Generator<string> {
  const { name, help, type, values, bounds = [] } = metric;
  const isOpenCounter = isOpen && type === 'counter';
  const family = isOpenCounter ? name.replace(/_total$/, '') : name;
  const sampleName = isOpenCounter ? `${family}_total` : name;
  yield `# HELP ${family} ${escapeText(help, isOpen)}\n# TYPE ${family} ${type}\n`;
  for (const sample of values) {
    yield sample.buckets
      ? exposeBuckets(name, bounds, sample, isOpen)
      : exposeSample(sample.metricName ?? sampleName, sample, isOpen);
  }
}

function exposeSample(name: string, { labels, value, exemplar }: Sample, isOpen: boolean): string {
  const text = isOpen && exemplar ? exposeExemplar(exemplar) : '';
  return `${name}${inBraces(exposeLabels(labels))} ${exposeNumber(value)}${text}\n`;
}

/** Every line of one series of a histogram; what they share is put together once. */
function exposeBuckets(
  name: string,
  bounds: readonly string[],
  { labels, value, buckets }: Sample,
  isOpen: boolean,
): string {
  const shared = exposeLabels(labels);
  const begin = `${name}_bucket{${shared}${shared && ','}le="`;
  let count = 0;
  let lines = '';
  for (const [index, bound] of bounds.entries()) {
    count += buckets?.counts[index] ?? 0;
    const exemplar = isOpen && buckets?.exemplars[index];
    lines += `${begin}${bound}"} ${count}${exemplar ? exposeExemplar(exemplar) : ''}\n`;
  }
  const end = inBraces(shared);
  return `${lines}${name}_sum${end} ${exposeNumber(value)}\n${name}_count${end} ${count}\n`;
}

function inBraces(labels: string): string {
  return labels && `{${labels}}`;
}

function exposeLabels(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    // Bounds of prom-client's histograms are numbers.
    const text = typeof value === 'string' ? value : name === 'le' ? nameBucket(value) : String(value);
    return `${name}="${escapeText(text, true)}"`;
  });
  return pairs.join(',');
}

function exposeExemplar({ labelSet, value, timestamp }: Exemplar): string {
  return ` # {${exposeLabels(labelSet)}} ${exposeNumber(value)} ${timestamp}`;
}

function exposeNumber(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** Label values escape quotes in both formats, help texts in OpenMetrics only. */
function escapeText(text: string, escapesQuotes: boolean): string {
  if (!MAY_NEED_ESCAPE.test(text)) return text;
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return escapesQuotes ? escaped.replaceAll('"', '\\"') : escaped;
}
