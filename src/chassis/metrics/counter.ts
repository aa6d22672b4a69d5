import { Metric, type MetricOptions, type Sample } from './metric.js';

/** Only rises. */
export class CounterSeries {
  /** Public for `collect`, which copies what somebody else counts. */
  value = 0;

  /** @throws {RangeError} on a negative number */
  inc(by = 1): void {
    if (!(by >= 0)) throw new RangeError(`A counter cannot rise by ${by}`);
    this.value += by;
  }
}

/** Counts events: `counter.labels('get', 'hit').inc()`, or `counter.inc()` where it has no labels. */
export class Counter<Labels extends readonly string[] = []> extends Metric<Labels, CounterSeries> {
  readonly type = 'counter';
  readonly #collect: ((metric: this) => unknown) | undefined;

  constructor(options: MetricOptions<Labels>, collect?: (metric: Counter<Labels>) => unknown) {
    super(options);
    this.#collect = collect;
  }

  inc(this: Counter, by = 1): void {
    this.labels().inc(by);
  }

  protected override async collect(): Promise<void> {
    await this.#collect?.(this);
  }

  protected override create(): CounterSeries {
    return new CounterSeries();
  }

  protected override sampleOf({ value }: CounterSeries, labels: Sample['labels']): Sample {
    return { labels, value };
  }
}
