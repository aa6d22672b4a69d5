import type { ConfigSources } from '../config/index.js';
import type { Counter, MetricsRegistry } from '../metrics/index.js';

const RELOAD_RESULTS = ['applied', 'unchanged', 'refused', 'failed'] as const;

/** What became of one look at the configuration. */
export type ReloadResult = (typeof RELOAD_RESULTS)[number];

/** What the gauges read. */
interface Observed {
  readonly revision: () => number;
  readonly restartNeeded: () => readonly string[];
}

/** Adds the metrics of the live configuration; gives the one that is counted by hand. */
export function addLiveConfigMetrics(
  registry: MetricsRegistry,
  sources: ConfigSources,
  { revision, restartNeeded }: Observed,
): Counter<['result']> {
  registry.gauge({
    name: 'config_revision',
    help: 'Number of configurations that the process has had; more than 1 once it was changed while it ran.',
    collect: (gauge) => gauge.set(revision()),
  });
  registry.gauge({
    name: 'config_restart_needed',
    help: 'Keys of the configuration that have another value since the start and take it only by a restart.',
    collect: (gauge) => gauge.set(restartNeeded().length),
  });
  registry.gauge({
    name: 'config_source_up',
    help: '1 for a source of the configuration that could be read when it was last tried, 0 for one that could not.',
    labels: ['source'],
    collect: (gauge) => {
      for (const { name, fault } of sources.followed) gauge.labels(name).set(Number(fault === undefined));
    },
  });
  const reloads = registry.counter({
    name: 'config_reloads_total',
    help: 'Looks at the configuration after the start: applied, unchanged, refused (not valid, or a part would not take it), failed (a source could not be read).',
    labels: ['result'],
  });
  for (const result of RELOAD_RESULTS) reloads.labels(result).inc(0);
  return reloads;
}
