import { describe, expect, test } from 'vitest';
import type { MetricSnapshot } from '../metrics/primary.js';
import { addToPast, mergeMetrics } from './merge-metrics.js';

const counter = (value: number, labels = {}): MetricSnapshot => ({
  name: 'calls_total',
  help: 'Calls.',
  type: 'counter',
  values: [{ labels, value }],
});
const gauge = (name: string, value: number, acrossWorkers?: 'sum'): MetricSnapshot => ({
  name,
  help: 'State.',
  type: 'gauge',
  values: [{ labels: {}, value }],
  ...(acrossWorkers && { acrossWorkers }),
});
const histogram = (bounds: readonly string[], count: number, timestamp = 0): MetricSnapshot => ({
  name: 'size',
  help: 'Size.',
  type: 'histogram',
  values: [
    ...bounds.map((le) => ({
      metricName: 'size_bucket',
      labels: { le },
      value: count,
      exemplar: timestamp > 0 ? { labelSet: { trace_id: `t${timestamp}` }, value: 1, timestamp } : null,
    })),
    { metricName: 'size_count', labels: {}, value: count },
  ],
});
const two = (one: MetricSnapshot, other: MetricSnapshot, past: readonly MetricSnapshot[] = []) =>
  mergeMetrics(
    [
      { worker: 1, metrics: [one] },
      { worker: 2, metrics: [other] },
    ],
    past,
  );

test('counters add up, series by series', () => {
  expect(two(counter(1), counter(2))[0]?.values).toEqual([{ labels: {}, value: 3 }]);
  expect(two(counter(1, { a: 'x', b: 'y' }), counter(2, { b: 'y', a: 'x' }))[0]?.values).toHaveLength(1);
  expect(two(counter(1, { a: 'x' }), counter(2, { a: 'y' }))[0]?.values).toHaveLength(2);
});

test('a gauge has a series for each worker, unless its definition says that it adds up', () => {
  expect(two(gauge('lag', 1), gauge('lag', 2))[0]?.values).toEqual([
    { labels: { worker: '1' }, value: 1 },
    { labels: { worker: '2' }, value: 2 },
  ]);
  expect(two(gauge('open', 1, 'sum'), gauge('open', 2, 'sum'))[0]?.values).toEqual([
    { labels: {}, value: 3 },
  ]);
});

test('what is the same everywhere stays as it is', () => {
  expect(two(gauge('service_info', 1), gauge('service_info', 1))[0]?.values).toEqual([
    { labels: {}, value: 1 },
  ]);
});

test('histograms add up, each bucket with its latest exemplar', () => {
  const [merged] = two(histogram(['1', '+Inf'], 2, 5), histogram(['1', '+Inf'], 3, 4));
  expect(merged?.values.map(({ value }) => value)).toEqual([5, 5, 5]);
  expect(merged?.values[0]?.exemplar?.labelSet).toEqual({ trace_id: 't5' });
});

test('a histogram whose bounds have changed begins anew', () => {
  const [merged] = two(histogram(['2', '+Inf'], 2), histogram(['1', '+Inf'], 3), [
    histogram(['1', '+Inf'], 9),
  ]);
  expect(merged).toEqual(histogram(['2', '+Inf'], 2));
});

test('the counts of the dead stay, their gauges go', () => {
  const past = addToPast(addToPast([], [counter(5), gauge('open', 3, 'sum')]), [counter(2)]);
  expect(two(counter(1), counter(1), past)).toEqual([counter(9)]);
});

test('a family whose first worker has no series yet gets those of the others', () => {
  const empty = { ...histogram([], 0), values: [] };
  expect(two(empty, histogram(['1', '+Inf'], 3))).toEqual([histogram(['1', '+Inf'], 3)]);
});

describe('histograms that come whole', () => {
  const whole = (bounds: readonly string[], count: number, timestamp = 0): MetricSnapshot => ({
    name: 'size',
    help: 'Size.',
    type: 'histogram',
    bounds,
    values: [
      {
        labels: {},
        value: count * 2,
        buckets: {
          counts: bounds.map(() => count),
          exemplars: bounds.map(() =>
            timestamp > 0 ? { labelSet: { trace_id: `t${timestamp}` }, value: 1, timestamp } : null,
          ),
        },
      },
    ],
  });

  test('add up, each bucket with its latest exemplar', () => {
    expect(two(whole(['1.0', '+Inf'], 2, 4), whole(['1.0', '+Inf'], 3, 5))).toEqual([
      whole(['1.0', '+Inf'], 5, 5),
    ]);
    expect(two(whole(['1.0', '+Inf'], 2, 5), whole(['1.0', '+Inf'], 3))).toEqual([
      whole(['1.0', '+Inf'], 5, 5),
    ]);
  });

  test('begin anew when their bounds have changed with the code', () => {
    const past = [whole(['1.0', '+Inf'], 9)];
    expect(two(whole(['2.0', '+Inf'], 2), whole(['1.0', '+Inf'], 3), past)).toEqual([
      whole(['2.0', '+Inf'], 2),
    ]);
  });

  test('have the bounds of the first worker that has a series', () => {
    const empty = { ...whole(['2.0', '+Inf'], 0), values: [] };
    expect(two(empty, whole(['1.0', '+Inf'], 3))).toEqual([whole(['1.0', '+Inf'], 3)]);
  });
});
