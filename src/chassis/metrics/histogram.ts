import { TraceFlags, type Span, type SpanContext } from '@opentelemetry/api';
import { currentScope, nameBucket } from '../context/index.js';
import { Metric, type Exemplar, type MetricOptions, type MetricSnapshot, type Sample } from './metric.js';

/** Counts by bucket, each bucket with its latest sampled call. */
export class HistogramSeries {
  /** One more than there are bounds: the last is +Inf. Not cumulative. */
  readonly counts: Float64Array;
  sum = 0;
  readonly #spans: (SpanContext | undefined)[];
  readonly #values: Float64Array;
  readonly #times: Float64Array;

  constructor(private readonly bounds: readonly number[]) {
    const size = bounds.length + 1;
    this.counts = new Float64Array(size);
    this.#values = new Float64Array(size);
    this.#times = new Float64Array(size);
    this.#spans = Array.from({ length: size }, () => undefined);
  }

  /**
   * @param span its trace becomes the bucket's exemplar when it is sampled
   * @param timeMs of the observation, where it is known; epoch milliseconds @default now
   * @throws {TypeError} when `value` is not a number
   */
  observe(value: number, span: Span | undefined = currentScope()?.span, timeMs?: number): void {
    if (Number.isNaN(value)) throw new TypeError('A histogram cannot observe NaN');
    let index = 0;
    while (index < this.bounds.length && value > (this.bounds[index] ?? Infinity)) index++;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += value;
    const context = span?.spanContext();
    if (!context || (context.traceFlags & TraceFlags.SAMPLED) === 0) return;
    this.#spans[index] = context;
    this.#values[index] = value;
    this.#times[index] = timeMs ?? Date.now();
  }

  exemplarOf(index: number): Exemplar | null {
    const span = this.#spans[index];
    if (!span) return null;
    return {
      labelSet: { trace_id: span.traceId, span_id: span.spanId },
      value: this.#values[index] ?? 0,
      // Seconds, to the millisecond.
      timestamp: Math.round(this.#times[index] ?? 0) / 1000,
    };
  }
}

/** Counts by size: `histogram.labels('card').observe(0.12)`, or `histogram.observe(…)` without labels. */
export class Histogram<Labels extends readonly string[] = []> extends Metric<Labels, HistogramSeries> {
  readonly type = 'histogram';
  readonly buckets: readonly number[];

  constructor(options: MetricOptions<Labels>, buckets: readonly number[]) {
    super(options);
    this.buckets = buckets;
  }

  observe(this: Histogram, value: number): void {
    this.labels().observe(value);
  }

  override async read(): Promise<MetricSnapshot> {
    return { ...(await super.read()), bounds: [...this.buckets, Infinity].map(nameBucket) };
  }

  override async get(): Promise<MetricSnapshot> {
    const { bounds = [], values, ...metric } = await this.read();
    return { ...metric, values: values.flatMap((sample) => spread(this.name, bounds, sample)) };
  }

  protected override create(): HistogramSeries {
    return new HistogramSeries(this.buckets);
  }

  protected override sampleOf(series: HistogramSeries, labels: Sample['labels']): Sample {
    const counts = [...series.counts];
    return {
      labels,
      value: series.sum,
      buckets: { counts, exemplars: counts.map((_, index) => series.exemplarOf(index)) },
    };
  }
}

/** As prom-client has it: a sample for each bucket. */
function spread(name: string, bounds: readonly string[], { labels, value, buckets }: Sample): Sample[] {
  let count = 0;
  const samples = bounds.map((le, index): Sample => {
    count += buckets?.counts[index] ?? 0;
    const exemplar = buckets?.exemplars[index] ?? null;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count, exemplar };
  });
  return [
    ...samples,
    { metricName: `${name}_sum`, labels, value },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
