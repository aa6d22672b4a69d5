import type { AcrossWorkers, LabelValues, MetricDefinition, MetricType } from './definition.js';
import { SeriesTable } from './series-table.js';

/** One line of a scrape, or all lines of one series of a histogram. */
export interface Sample {
  /** @default the metric's name */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  /** A histogram's sum, where it has `buckets`. */
  readonly value: number;
  readonly exemplar?: Exemplar | null;
  readonly buckets?: Buckets;
}

/** What one series of a histogram counts, whole: a sample for each bucket costs a scrape ten times as much. */
export interface Buckets {
  /** Those of `MetricSnapshot.bounds`; not cumulative. */
  readonly counts: readonly number[];
  readonly exemplars: readonly (Exemplar | null)[];
}

/** A call that a sample counts, by its trace. */
export interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Epoch seconds. */
  readonly timestamp: number;
}

/** A metric at the time of a scrape: the form of prom-client's `get()`, but for `buckets`. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
  /** Upper bounds of `buckets` as the label `le` has them, `+Inf` last. */
  readonly bounds?: readonly string[];
  /** See `GaugeDefinition`. */
  readonly acrossWorkers?: AcrossWorkers;
}

const DEFAULT_MAX_SERIES = 1000;

export interface MetricOptions<Labels extends readonly string[]> extends MetricDefinition<Labels> {
  /** Gauges only. */
  readonly acrossWorkers?: AcrossWorkers;
  /** Called once, when there were more label values than `maxSeries`. */
  readonly onOverflow: () => void;
}

/** A metric with labels: plain numbers while calls run, turned into samples at the scrape. */
export abstract class Metric<Labels extends readonly string[], Series extends object> {
  abstract readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly #table: SeriesTable<Series>;
  readonly #acrossWorkers: AcrossWorkers | undefined;
  #collect: ((metric: this) => unknown) | undefined;

  constructor(options: MetricOptions<Labels>) {
    const { name, help, labels, maxSeries = DEFAULT_MAX_SERIES, onOverflow, acrossWorkers } = options;
    this.#acrossWorkers = acrossWorkers;
    this.name = name;
    this.help = help;
    this.labelNames = [...(labels ?? [])];
    const create = () => this.create();
    this.#table = new SeriesTable({ name, width: this.labelNames.length, maxSeries, create, onOverflow });
  }

  /** The series of these label values. Keep it where the same values come again: it never changes. */
  labels(...values: LabelValues<Labels>): Series {
    return this.#table.find(values);
  }

  /** What sets the values before each scrape, where nobody does so while calls run. The same metric. */
  collectedBy(collect: ((metric: this) => unknown) | undefined): this {
    this.#collect = collect;
    return this;
  }

  /** prom-client's interface. */
  get(): Promise<MetricSnapshot> {
    return this.read();
  }

  /** What a scrape sees. */
  async read(): Promise<MetricSnapshot> {
    await this.#collect?.(this);
    // Without labels there is one series from the start: a rate needs its 0.
    if (this.labelNames.length === 0) this.#table.find([]);
    const values = this.#table.entries.map(({ values: labels, series }) => {
      return this.sampleOf(series, Object.fromEntries(this.labelNames.map((n, i) => [n, labels[i] ?? ''])));
    });
    const { name, help, type } = this;
    return { name, help, type, values, ...(this.#acrossWorkers && { acrossWorkers: this.#acrossWorkers }) };
  }

  protected abstract create(): Series;
  protected abstract sampleOf(series: Series, labels: Readonly<Record<string, string>>): Sample;
}
