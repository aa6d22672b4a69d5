import type { AcrossWorkers, LabelValues, MetricDefinition, MetricType } from './definition.js';
import { SeriesTable } from './series-table.js';

/** One line of a scrape. */
export interface Sample {
  /** @default the metric's name */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: Exemplar | null;
}

/** A call that a sample counts, by its trace. */
export interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Epoch seconds. */
  readonly timestamp: number;
}

/** A metric at the time of a scrape, in the form of prom-client's `get()`. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
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

  constructor(options: MetricOptions<Labels>) {
    const { name, help, labels, maxSeries = DEFAULT_MAX_SERIES, onOverflow, acrossWorkers } = options;
    this.#acrossWorkers = acrossWorkers;
    this.name = name;
    this.help = help;
    this.labelNames = [...(labels ?? [])];
    const create = () => this.create();
    this.#table = new SeriesTable({ width: this.labelNames.length, maxSeries, create, onOverflow });
  }

  /** The series of these label values. Keep it where the same values come again: it never changes. */
  labels(...values: LabelValues<Labels>): Series {
    return this.#table.find(values);
  }

  /** What a scrape sees; prom-client's interface. */
  async get(): Promise<MetricSnapshot> {
    await this.collect();
    // Without labels there is one series from the start: a rate needs its 0.
    if (this.labelNames.length === 0) this.#table.find([]);
    const values = this.#table.entries.flatMap(({ values: labels, series }) => {
      return this.samplesOf(series, Object.fromEntries(this.labelNames.map((n, i) => [n, labels[i] ?? ''])));
    });
    const { name, help, type } = this;
    return { name, help, type, values, ...(this.#acrossWorkers && { acrossWorkers: this.#acrossWorkers }) };
  }

  protected abstract collect(): void | Promise<void>;
  protected abstract create(): Series;
  protected abstract samplesOf(series: Series, labels: Readonly<Record<string, string>>): Sample[];
}
