import { describe, expect, test } from 'vitest';
import { DURATION_BUCKETS_SECONDS } from '#chassis/context';
import { faultsOf, textOf, yamlOf } from './stack-files.js';

interface Pipeline {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}
type Components = Readonly<Record<string, unknown>>;
interface CollectorConfig {
  readonly receivers: Components;
  readonly processors: Components;
  readonly exporters: Components;
  readonly connectors?: Components;
  readonly extensions: Components;
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: Readonly<Record<string, Pipeline>>;
  };
}

/** Of otel/opentelemetry-collector-contrib 0.161: what goes in, for a connector also what comes out. */
const SIGNALS: Readonly<
  Record<string, { readonly in: readonly string[]; readonly out?: readonly string[] }>
> = {
  otlp: { in: ['traces', 'metrics', 'logs'] },
  file_log: { in: ['logs'] },
  memory_limiter: { in: ['traces', 'metrics', 'logs'] },
  batch: { in: ['traces', 'metrics', 'logs'] },
  resource: { in: ['traces', 'metrics', 'logs'] },
  transform: { in: ['traces', 'metrics', 'logs'] },
  tail_sampling: { in: ['traces'] },
  span_metrics: { in: ['traces'], out: ['metrics'] },
  otlp_grpc: { in: ['traces', 'metrics', 'logs'] },
  otlp_http: { in: ['traces', 'metrics', 'logs'] },
  prometheus: { in: ['metrics'] },
  health_check: { in: [] },
};

const collector: CollectorConfig = yamlOf('docker/collector/collector.yaml');
const withTls = merge(collector, yamlOf('docker/collector/collector-tls.example.yaml'));
const logShipper: CollectorConfig = yamlOf('docker/log-shipper/log-shipper.yaml');

describe.each([
  ['the collector', collector],
  ['the collector with TLS', withTls],
  ['the log shipper', logShipper],
])('%s', (_name, config) => {
  const pipelines = Object.entries(config.service.pipelines);
  const { receivers, processors, exporters, connectors = {}, extensions } = config;

  test('has settings that its components know', () => {
    expect(faultsOf(config, 'collector.json')).toEqual([]);
  });

  test('uses every component that it defines, and defines every one that it uses', () => {
    const used = (kind: keyof Pipeline) =>
      [...new Set(pipelines.flatMap(([, pipeline]) => pipeline[kind]))].toSorted();
    expect(used('processors')).toEqual(Object.keys(processors).toSorted());
    expect(used('receivers')).toEqual(Object.keys({ ...receivers, ...connectors }).toSorted());
    expect(used('exporters')).toEqual(Object.keys({ ...exporters, ...connectors }).toSorted());
    expect(config.service.extensions).toEqual(Object.keys(extensions));
  });

  test.each(pipelines)('hands %s only to components that take it', (name, pipeline) => {
    const signal = name.split('/')[0] ?? '';
    const takes = (component: string) => SIGNALS[typeOf(component)]?.in;
    for (const component of [...pipeline.processors, ...pipeline.exporters])
      expect(takes(component), component).toContain(signal);
    for (const component of pipeline.receivers)
      expect(SIGNALS[typeOf(component)]?.out ?? takes(component), component).toContain(signal);
  });

  test.each(pipelines)('limits memory first in %s, and batches last what it sends', (_pipeline, pipeline) => {
    expect(pipeline.processors[0]).toBe('memory_limiter');
    const isSent = pipeline.exporters.some((exporter) => exporter in exporters);
    expect(pipeline.processors.at(-1) === 'batch').toBe(isSent);
  });

  test('tries again and keeps a bounded queue towards every store', () => {
    for (const [name, exporter] of Object.entries(exporters).filter(([id]) => id.startsWith('otlp')))
      expect(exporter, name).toMatchObject({
        retry_on_failure: { max_interval: expect.any(String) },
        sending_queue: { queue_size: expect.any(Number) },
      });
  });
});

test('spans are counted before any is thrown away', () => {
  const counted = Object.values(collector.service.pipelines).filter(({ exporters }) =>
    exporters.includes('span_metrics'),
  );
  expect(counted).toHaveLength(1);
  expect(counted[0]?.processors).toEqual(['memory_limiter', 'resource']);
  const kept = Object.values(collector.service.pipelines).filter(({ processors }) =>
    processors.includes('tail_sampling'),
  );
  expect(kept.map(({ exporters }) => exporters)).toEqual([['otlp_grpc/tempo']]);
});

test('whole traces are kept: of errors, slow ones and those asked for; of refused calls and the rest a share', () => {
  const { policies } = collector.processors['tail_sampling'] as {
    policies: readonly { name: string; type: string }[];
  };
  expect(policies.map(({ name, type }) => [name, type])).toEqual([
    ['errors', 'status_code'],
    ['slow', 'latency'],
    ['refused', 'and'],
    ['asked-for', 'trace_state'],
    ['rest', 'probabilistic'],
  ]);
});

test('slow is a bound of the latency histograms, so that what a panel counts as slow is kept', () => {
  const [, thresholdMs] = /threshold_ms: (\d+)/.exec(textOf('docker/collector/collector.yaml')) ?? [];
  expect(DURATION_BUCKETS_SECONDS).toContain(Number(thresholdMs) / 1000);
});

function typeOf(component: string): string {
  return component.split('/')[0] ?? '';
}

/** As the collector merges several --config: maps by key, everything else is replaced. */
function merge<T>(lower: T, upper: unknown): T {
  if (!isMap(lower) || !isMap(upper)) return upper as T;
  const merged: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper))
    merged[key] = key in lower ? merge(lower[key], value) : value;
  return merged as T;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
