import type { MetricDescription, MetricSnapshot } from '../metrics/primary.js';
import type { WorkerPool } from './worker-pool.js';

const STATES = ['starting', 'ready', 'draining'] as const;
const WORKERS = {
  name: 'workers',
  type: 'gauge',
  labels: ['state'],
  help: 'Worker processes; only where WORKERS makes several.',
} as const;
const RESTARTS = {
  name: 'worker_restarts_total',
  type: 'counter',
  labels: ['reason'],
  help: 'Workers that were started in place of others (crash, rolling); only where WORKERS makes several.',
} as const;

const DROPPED = {
  name: 'log_lines_dropped_total',
  type: 'counter',
  help: 'Log lines that were lost: their reader was too slow, or gone.',
} as const;

/** What the primary has to say itself. */
export const WORKERS_METRICS: readonly MetricDescription[] = [WORKERS, RESTARTS];

/**
 * The same with its values.
 * @param dropped log lines of workers that the primary has lost on their way out; those the workers lost are theirs
 */
export function describeWorkers({ workers, restarts }: WorkerPool, dropped: number): MetricSnapshot[] {
  const count = (wanted: string) => [...workers].filter(({ state }) => state === wanted).length;
  return [
    {
      ...WORKERS,
      acrossWorkers: 'sum',
      values: STATES.map((state) => ({ labels: { state }, value: count(state) })),
    },
    {
      ...RESTARTS,
      values: Object.entries(restarts).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    { ...DROPPED, values: [{ labels: {}, value: dropped }] },
  ];
}
