import { Injectable, Logger } from '@nestjs/common';
import {
  register as sharedRegistry,
  Registry,
  type Metric as PromMetric,
  type MetricObject,
  type OpenMetricsContentType,
} from 'prom-client';
import { DURATION_BUCKETS_SECONDS } from '../context/index.js';
import { Counter } from './counter.js';
import {
  checkBuckets,
  checkDefinition,
  describeDefinition,
  namesOf,
  type AcrossWorkers,
  type ComparedDefinition,
  type MetricDefinition,
  type MetricType,
} from './definition.js';
import { expose, type Exposition } from './exposition.js';
import { Gauge } from './gauge.js';
import { Histogram } from './histogram.js';
import type { MetricOptions, MetricSnapshot } from './metric.js';
import type { MetricDescription } from './metrics-document.js';

/** Longest wait for a metric, in milliseconds; a scrape of Prometheus lasts 10 s at most by default. */
const READ_LIMIT_MS = 3000;

/** A metric whose values are read at the scrape: `collect` sets them, and runs before each one, and is waited for, 3 s at most. */
export interface CollectedDefinition<
  Labels extends readonly string[],
  Collected,
> extends MetricDefinition<Labels> {
  readonly collect?: (metric: Collected) => unknown;
}

export interface GaugeDefinition<Labels extends readonly string[]> extends CollectedDefinition<
  Labels,
  Gauge<Labels>
> {
  /**
   * `sum` for what adds up, such as open calls.
   * @default 'each'
   */
  readonly acrossWorkers?: AcrossWorkers;
}

export interface HistogramDefinition<Labels extends readonly string[]> extends MetricDefinition<Labels> {
  /**
   * Upper bounds, rising, in the metric's own unit.
   * @default DURATION_BUCKETS_SECONDS
   */
  readonly buckets?: readonly number[];
}

/** A metric of ours. */
interface Readable {
  read(): Promise<MetricSnapshot>;
}

/**
 * Every metric of the service, served at `/metrics` of the management port. Metrics may be added at
 * any time; the same definition twice is the same metric, so two classes can share one.
 *
 * @example
 * ```ts
 * constructor(metrics: MetricsRegistry) {
 *   this.paid = metrics.counter({ name: 'payments_total', help: 'Payments made.', labels: ['method'] });
 * }
 * this.paid.labels('card').inc();
 * ```
 */
@Injectable()
export class MetricsRegistry {
  /** prom-client's registry behind it: metrics of prom-client may be registered here (`registers: [metrics.prometheus]`). */
  readonly prometheus = new Registry<OpenMetricsContentType>();
  readonly #logger = new Logger(MetricsRegistry.name);
  readonly #metrics = new Map<string, { readonly metric: Readable; readonly definition: string }>();
  /** Every name in use, of families and of samples, with the metric that took it. */
  readonly #owners = new Map<string, string>();

  constructor() {
    // prom-client takes exemplars for no other; which format a scrape gets is decided for each scrape.
    this.prometheus.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }

  /** @throws {TypeError} when the definition is malformed or conflicts with another */
  counter<const Labels extends readonly string[] = []>(
    definition: CollectedDefinition<Labels, Counter<Labels>>,
  ): Counter<Labels> {
    return this.#define('counter', definition, (options) =>
      new Counter(options).collectedBy(definition.collect),
    );
  }

  /** @throws {TypeError} when the definition is malformed or conflicts with another */
  gauge<const Labels extends readonly string[] = []>(definition: GaugeDefinition<Labels>): Gauge<Labels> {
    return this.#define('gauge', definition, (options) => new Gauge(options).collectedBy(definition.collect));
  }

  /** @throws {TypeError} when the definition is malformed or conflicts with another */
  histogram<const Labels extends readonly string[] = []>(
    definition: HistogramDefinition<Labels>,
  ): Histogram<Labels> {
    const buckets = [...(definition.buckets ?? DURATION_BUCKETS_SECONDS)];
    checkBuckets(definition.name, buckets);
    return this.#define(
      'histogram',
      { ...definition, buckets },
      (options) => new Histogram(options, buckets),
    );
  }

  /** Everything as text, in the format that `accept`, an HTTP header, asks for. */
  async expose(accept?: string): Promise<Exposition> {
    return expose(await this.snapshot(), accept);
  }

  /** Every metric with its values, sorted by name. */
  async snapshot(): Promise<MetricSnapshot[]> {
    const limit = Promise.withResolvers<never>();
    const late = new Error(`A metric is read within ${READ_LIMIT_MS} ms, or left out`);
    const timer = setTimeout(() => limit.reject(late), READ_LIMIT_MS);
    const snapshots = await Promise.all(this.#all().map((metric) => this.#read(metric, limit.promise)));
    clearTimeout(timer);
    return snapshots
      .filter((snapshot) => snapshot !== undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every metric without its values, sorted by name. */
  describe(): MetricDescription[] {
    return this.#all()
      .map((metric) => describeMetric(metric))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #all(): MetricObject[] {
    const own = this.prometheus.getMetricsAsArray();
    const names = new Set(own.map(({ name }) => name));
    // `makeCounterProvider` and its like know prom-client's shared registry only.
    return [...own, ...sharedRegistry.getMetricsAsArray().filter(({ name }) => !names.has(name))];
  }

  /** One metric that cannot be read, or not in time, takes nothing away from the others. */
  async #read(
    metric: MetricObject & Partial<Pick<PromMetric, 'get'>>,
    limit: Promise<never>,
  ): Promise<MetricSnapshot | undefined> {
    try {
      const snapshot = this.#metrics.get(metric.name)?.metric.read() ?? metric.get?.();
      return (await Promise.race([snapshot, limit])) as MetricSnapshot | undefined;
    } catch (error) {
      this.#logger.error({ err: error, metric: metric.name }, 'metric not readable');
      return undefined;
    }
  }

  #define<Labels extends readonly string[], Made extends Readable>(
    type: MetricType,
    definition: ComparedDefinition<Labels>,
    create: (options: MetricOptions<Labels>) => Made,
  ): Made {
    checkDefinition(type, definition);
    const { name } = definition;
    const text = describeDefinition(type, definition);
    const known = this.#metrics.get(name);
    // Collected values have one source: two would overwrite each other.
    if (known?.definition === text && !definition.collect) return known.metric as Made;
    if (known)
      throw new TypeError(
        `Metric "${name}" is defined twice: as ${known.definition}, and as ${text}. Rename one.`,
      );
    this.#claim(type, name);
    const metric = create({ ...definition, onOverflow: () => this.#warnOverflow(name) });
    this.#metrics.set(name, { metric, definition: text });
    this.prometheus.registerMetric(metric as unknown as PromMetric);
    return metric;
  }

  #claim(type: MetricType, name: string): void {
    const names = namesOf(type, name);
    for (const each of names) {
      const owner = this.#owners.get(each) ?? this.#ownerInPromClient(each);
      if (owner !== undefined)
        throw new TypeError(
          `Metric "${name}" cannot have the name "${each}": "${owner}" has it. Rename one.`,
        );
    }
    for (const each of names) this.#owners.set(each, name);
  }

  #ownerInPromClient(name: string): string | undefined {
    const isTaken = this.prometheus.getSingleMetric(name) ?? sharedRegistry.getSingleMetric(name);
    return isTaken && `${name} (a metric of prom-client)`;
  }

  #warnOverflow(metric: string): void {
    this.#logger.warn(
      { metric },
      'metric has more label values than maxSeries; further ones count as (overflow)',
    );
  }
}

function describeMetric(metric: MetricObject): MetricDescription {
  const labels = 'labelNames' in metric ? (metric.labelNames as string[]) : [];
  return { name: metric.name, type: String(metric.type), labels, help: metric.help };
}
