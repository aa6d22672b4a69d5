import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import { Counter as PromCounter, Histogram as PromHistogram } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MetricsRegistry, OVERFLOW } from '#chassis/metrics';
import { TestApp } from '../support/index.js';
import { Scrape } from '../support/scrape.js';

const PAID = { name: 'payments_total', help: 'Payments made.', labels: ['method'] } as const;

/** Adds metrics as a feature does. */
@Injectable()
class Payments {
  constructor(
    private readonly metrics: MetricsRegistry,
    @InjectMetric('refunds_total') private readonly refunds: PromCounter,
    @InjectMetric('refund_euros') private readonly amounts: PromHistogram,
  ) {}

  pay(): void {
    this.metrics.counter(PAID).labels('card').inc();
    this.metrics.gauge({ name: 'payments_pending', help: 'Payments that wait.' }).set(3);
    this.metrics.histogram({ name: 'payment_euros', help: 'Size of payments.', buckets: [1, 10] }).observe(5);
    this.refunds.inc();
    this.amounts.observe(7);
  }
}

@Controller('payments')
class PaymentsController {
  constructor(private readonly payments: Payments) {}

  @Get()
  get(): object {
    this.payments.pay();
    return {};
  }
}

@Module({
  controllers: [PaymentsController],
  providers: [
    Payments,
    makeCounterProvider({ name: 'refunds_total', help: 'Refunds made.' }),
    makeHistogramProvider({ name: 'refund_euros', help: 'Size of refunds.', buckets: [1, 10] }),
  ],
})
class PaymentsModule {}

let app: TestApp;
let metrics: MetricsRegistry;
beforeAll(async () => {
  app = await TestApp.start({ imports: [PaymentsModule] });
  metrics = app.get(MetricsRegistry);
});
afterAll(() => app.stop());

test("a feature's metrics, made while it runs, are served in both formats", async () => {
  await app.http.get('/payments');
  await app.http.get('/payments');
  for (const accept of ['text/plain', 'application/openmetrics-text']) {
    const scrape = await Scrape.of(app, accept);
    expect(scrape.sum('payments_total', { method: 'card' })).toBe(2);
    expect(scrape.sum('payments_pending')).toBe(3);
    const buckets = scrape.find('payment_euros_bucket');
    expect(buckets.map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['1.0', 0],
      ['10.0', 2],
      ['+Inf', 2],
    ]);
    expect([scrape.sum('payment_euros_sum'), scrape.sum('payment_euros_count')]).toEqual([10, 2]);
  }
});

test('metrics of makeCounterProvider and @InjectMetric are served in both formats', async () => {
  const before = (await Scrape.of(app)).sum('refunds_total');
  await app.http.get('/payments');
  for (const accept of ['text/plain', 'application/openmetrics-text']) {
    const scrape = await Scrape.of(app, accept);
    expect(scrape.sum('refunds_total')).toBe(before + 1);
    expect(scrape.sum('refund_euros_bucket', { le: '10.0' })).toBe(before + 1);
  }
});

test('a counter has its family name without _total in OpenMetrics only', async () => {
  metrics.counter(PAID);
  expect((await Scrape.of(app)).text).toContain('# TYPE payments_total counter\n');
  expect((await Scrape.of(app, 'application/openmetrics-text')).text).toContain('# TYPE payments counter\n');
});

test('the same definition twice is the same metric', () => {
  expect(metrics.counter({ ...PAID })).toBe(metrics.counter(PAID));
  const histogram = { name: 'sizes_bytes', help: 'Sizes.', buckets: [1, 2] };
  expect(metrics.histogram(histogram)).toBe(metrics.histogram({ ...histogram, buckets: [1, 2] }));
});

describe('a conflicting definition tells both', () => {
  test.each([
    [
      'type',
      () => metrics.gauge({ name: 'queue_jobs', help: 'Jobs.' }),
      () => metrics.histogram({ name: 'queue_jobs', help: 'Jobs.' }),
    ],
    [
      'labels',
      () => metrics.gauge({ name: 'queue_a', help: 'Jobs.' }),
      () => metrics.gauge({ name: 'queue_a', help: 'Jobs.', labels: ['b'] }),
    ],
    [
      'order of labels',
      () => metrics.gauge({ name: 'queue_b', help: 'Jobs.', labels: ['a', 'b'] }),
      () => metrics.gauge({ name: 'queue_b', help: 'Jobs.', labels: ['b', 'a'] }),
    ],
    [
      'help',
      () => metrics.gauge({ name: 'queue_c', help: 'Jobs.' }),
      () => metrics.gauge({ name: 'queue_c', help: 'Tasks.' }),
    ],
    [
      'buckets',
      () => metrics.histogram({ name: 'queue_d', help: 'Jobs.' }),
      () => metrics.histogram({ name: 'queue_d', help: 'Jobs.', buckets: [1] }),
    ],
    [
      'collect',
      () => metrics.gauge({ name: 'queue_e', help: 'Jobs.', collect: () => undefined }),
      () => metrics.gauge({ name: 'queue_e', help: 'Jobs.', collect: () => undefined }),
    ],
  ])('%s', (_what, first, second) => {
    first();
    expect(second).toThrow(/^Metric "queue_\w+" is defined twice: as .+, and as .+\. Rename one\.$/);
  });

  test.each([
    [
      'a sample of a histogram',
      () => metrics.histogram({ name: 'taken', help: 'x' }),
      () => metrics.counter({ name: 'taken_count_total', help: 'x' }),
      /cannot have the name "taken_count": "taken" has it/,
    ],
    [
      'the family of a counter',
      () => metrics.counter({ name: 'families_total', help: 'x' }),
      () => metrics.gauge({ name: 'families', help: 'x' }),
      /cannot have the name "families": "families_total" has it/,
    ],
    [
      "a name of prom-client's",
      () => undefined,
      () => metrics.counter({ name: 'refunds_total', help: 'x' }),
      /cannot have the name "refunds_total": "refunds_total \(a metric of prom-client\)" has it/,
    ],
    [
      "a name of Node's",
      () => undefined,
      () => metrics.gauge({ name: 'nodejs_active_handles', help: 'x' }),
      /prom-client/,
    ],
  ])('%s', (_what, first, second, message) => {
    first();
    expect(second).toThrow(message);
  });
});

test.each([
  ['an empty name', () => metrics.gauge({ name: '', help: 'x' }), /bad name/],
  [
    'a name with a hyphen',
    () => metrics.gauge({ name: 'a-b', help: 'x' }),
    /Metric "a-b" has a bad name: use lower-case/,
  ],
  ['a name that begins with a digit', () => metrics.gauge({ name: '1a', help: 'x' }), /bad name/],
  ['a counter without _total', () => metrics.counter({ name: 'jobs', help: 'x' }), /must end in "_total"/],
  ['a gauge with _total', () => metrics.gauge({ name: 'jobs_total', help: 'x' }), /must not end in "_total"/],
  [
    'a histogram with _bucket',
    () => metrics.histogram({ name: 'a_bucket', help: 'x' }),
    /must not end in "_bucket"/,
  ],
  ['no help', () => metrics.gauge({ name: 'helpless', help: ' ' }), /has no help/],
  ['a bad label', () => metrics.gauge({ name: 'a', help: 'x', labels: ['b c'] }), /bad label name "b c"/],
  [
    'a reserved label',
    () => metrics.gauge({ name: 'a', help: 'x', labels: ['__b'] }),
    /bad label name "__b"/,
  ],
  ['a label twice', () => metrics.gauge({ name: 'a', help: 'x', labels: ['b', 'b'] }), /label twice/],
  ['le on a histogram', () => metrics.histogram({ name: 'a', help: 'x', labels: ['le'] }), /label "le"/],
  ['no buckets', () => metrics.histogram({ name: 'a', help: 'x', buckets: [] }), /needs buckets that rise/],
  [
    'falling buckets',
    () => metrics.histogram({ name: 'a', help: 'x', buckets: [2, 1] }),
    /needs buckets that rise/,
  ],
  [
    'equal buckets',
    () => metrics.histogram({ name: 'a', help: 'x', buckets: [1, 1] }),
    /needs buckets that rise/,
  ],
  [
    'NaN as a bucket',
    () => metrics.histogram({ name: 'a', help: 'x', buckets: [Number.NaN] }),
    /needs buckets that rise/,
  ],
  ['a falling counter', () => metrics.counter({ name: 'up_total', help: 'x' }).inc(-1), /cannot rise by -1/],
  [
    'NaN to a counter',
    () => metrics.counter({ name: 'up_total', help: 'x' }).inc(Number.NaN),
    /cannot rise by NaN/,
  ],
  [
    'NaN to a histogram',
    () => metrics.histogram({ name: 'sizes', help: 'x' }).observe(Number.NaN),
    /cannot observe NaN/,
  ],
  [
    'too few label values',
    () => (metrics.counter(PAID).labels as () => unknown)(),
    /Metric "\w+" needs 1 label values, got 0/,
  ],
])('%s is refused', (_what, define, message) => {
  expect(define).toThrow(message);
});

test('a refused definition leaves its name free', () => {
  expect(() => metrics.gauge({ name: 'free', help: '' })).toThrow(/no help/);
  expect(metrics.gauge({ name: 'free', help: 'Now with one.' })).toBeDefined();
});

test('label values beyond maxSeries count together', async () => {
  const counter = metrics.counter({ name: 'many_total', help: 'x', labels: ['a', 'b'], maxSeries: 3 });
  for (let index = 0; index < 10; index++) counter.labels(`a${index}`, 'b').inc();
  counter.labels('a1', 'b').inc();
  const samples = (await Scrape.of(app)).find('many_total');
  expect(samples.map(({ labels, value }) => [labels['a'], labels['b'], value])).toEqual([
    ['a0', 'b', 1],
    ['a1', 'b', 2],
    ['a2', 'b', 1],
    [OVERFLOW, OVERFLOW, 7],
  ]);
});

test('label values of any text are escaped', async () => {
  const value = 'a "b" \\ c\nd } # {é';
  metrics
    .gauge({ name: 'odd_label', help: 'Odd "help" \\ of\ntwo lines.', labels: ['text'] })
    .labels(value)
    .set(1);
  for (const accept of ['text/plain', 'application/openmetrics-text']) {
    const [sample] = (await Scrape.of(app, accept)).find('odd_label');
    expect(sample?.labels['text']).toBe(String.raw`a \"b\" \\ c\nd } # {é`);
  }
});

test('a large scrape is put together in many turns of the event loop: calls go on', async () => {
  const sizes = metrics.histogram({ name: 'many_bytes', help: 'Sizes.', labels: ['file'], maxSeries: 4000 });
  for (let file = 0; file < 4000; file++) sizes.labels(`f${file}`).observe(file);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (turns > 0) setImmediate(count);
  };
  setImmediate(count);
  const { body } = await metrics.expose();
  const seen = turns;
  turns = Number.NEGATIVE_INFINITY;
  expect(body).toContain('many_bytes_count{file="f3999"} 1\n');
  expect(seen).toBeGreaterThan(10);
});

test("prom-client's own view of the registry has every bucket of a histogram", async () => {
  metrics
    .histogram({ name: 'seen_euros', help: 'Sizes.', labels: ['by'], buckets: [1, 10] })
    .labels('a')
    .observe(5);
  const text = await metrics.prometheus.metrics();
  expect(text.split('\n').filter((line) => line.startsWith('seen_euros'))).toEqual([
    'seen_euros_bucket{by="a",le="1.0"} 0',
    'seen_euros_bucket{by="a",le="10.0"} 1',
    'seen_euros_bucket{by="a",le="+Inf"} 1',
    'seen_euros_sum{by="a"} 5',
    'seen_euros_count{by="a"} 1',
  ]);
});

test('a metric that cannot be read takes nothing away from the others', async () => {
  const broken = () => {
    throw new Error('the pool is gone');
  };
  metrics.gauge({ name: 'broken_state', help: 'x', collect: broken });
  const scrape = await Scrape.of(app);
  expect(scrape.text).not.toContain('broken_state');
  expect(scrape.sum('service_info')).toBe(1);
});

test('nor does one whose reading never ends', async () => {
  const hanging = new MetricsRegistry();
  hanging.gauge({ name: 'hanging_state', help: 'x', collect: () => new Promise(() => {}) });
  hanging.gauge({ name: 'known_state', help: 'x' }).set(1);
  const { body } = await hanging.expose();
  expect(body).not.toContain('hanging_state');
  expect(body).toContain('known_state 1');
}, 8000);
