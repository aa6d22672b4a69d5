import { Metric, type Sample } from './metric.js';

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

  inc(this: Counter, by = 1): void {
    this.labels().inc(by);
  }

  protected override create(): CounterSeries {
    return new CounterSeries();
  }

  protected override sampleOf({ value }: CounterSeries, labels: Sample['labels']): Sample {
    return { labels, value };
  }
}
