import { expect, test } from 'vitest';
import { namesIn } from './promql.js';

test('tells the metrics of an expression with the labels that select, and the labels that group', () => {
  const expression = `
    sum by (env, "le") (rate(calls_total{job="service", code=~"5.."}[5m])) # a comment
      / on (service) group_left (version) job:calls:rate5m > bool 0.1`;
  expect(namesIn(expression)).toEqual({
    selectors: [
      { metric: 'calls_total', labels: ['job', 'code'] },
      { metric: 'job:calls:rate5m', labels: [] },
    ],
    grouping: ['env', 'le', 'service', 'version'],
  });
});

test('has no names for what is computed', () => {
  expect(namesIn('vector(1) + time()')).toEqual({ selectors: [], grouping: [] });
});

test.each(['sum by (', 'rate(calls_total[$__rate_interval])', 'up{job=}'])(
  'shows where %s is wrong',
  (wrong) => {
    expect(() => namesIn(wrong)).toThrow(/^Not PromQL at character \d+:\n.* >>> /s);
  },
);
