import { Metric, type Sample } from './metric.js';

/** Rises and falls. */
export class GaugeSeries {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  inc(by = 1): void {
    this.value += by;
  }

  dec(by = 1): void {
    this.value -= by;
  }
}

/** Tells a state: `gauge.labels('orders').set(2)`, or `gauge.set(2)` where it has no labels. */
export class Gauge<Labels extends readonly string[] = []> extends Metric<Labels, GaugeSeries> {
  readonly type = 'gauge';

  set(this: Gauge, value: number): void {
    this.labels().set(value);
  }

  protected override create(): GaugeSeries {
    return new GaugeSeries();
  }

  protected override sampleOf({ value }: GaugeSeries, labels: Sample['labels']): Sample {
    return { labels, value };
  }
}
