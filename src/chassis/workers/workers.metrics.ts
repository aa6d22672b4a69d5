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

/** What the primary has to say itself. */
export const WORKERS_METRICS: readonly MetricDescription[] = [WORKERS, RESTARTS];

/** The same with its values. */
export function describeWorkers({ workers, restarts }: WorkerPool): MetricSnapshot[] {
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
  ];
}
