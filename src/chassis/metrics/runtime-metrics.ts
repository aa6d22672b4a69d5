import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { collectDefaultMetrics } from 'prom-client';
import type { MetricsRegistry } from './metrics-registry.js';

/** Gauges whose names end like counters', which `promtool check metrics` refuses; each has a twin by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Node's own state: CPU, memory, heap, garbage collection, handles, event-loop delay and utilisation. */
export function addRuntimeMetrics(registry: MetricsRegistry): void {
  collectDefaultMetrics({ register: registry.prometheus });
  for (const name of MISNAMED) registry.prometheus.removeSingleMetric(name);
  registry.counter({
    name: 'nodejs_eventloop_time_seconds_total',
    help: 'Time that the event loop worked (active) and waited (idle).',
    labels: ['nodejs_eventloop_state'],
    collect: (counter) => {
      const { active, idle } = performance.eventLoopUtilization();
      counter.labels('active').value = active / 1000;
      counter.labels('idle').value = idle / 1000;
    },
  });
  let last: EventLoopUtilization | undefined;
  registry.gauge({
    name: 'nodejs_eventloop_utilization_ratio',
    help: 'Share of the time since the last scrape that the event loop worked, 0 to 1.',
    collect: (gauge) => {
      const now = performance.eventLoopUtilization();
      gauge.set(last ? performance.eventLoopUtilization(now, last).utilization : now.utilization);
      last = now;
    },
  });
  registry.gauge({
    name: 'nodejs_heap_size_limit_bytes',
    help: 'What the heap may grow to before the process ends for lack of memory; see --max-old-space-size.',
    collect: (gauge) => gauge.set(getHeapStatistics().heap_size_limit),
  });
}

/** `service_info`: which build runs here. */
export function addServiceInfo(
  registry: MetricsRegistry,
  service: { readonly name: string; readonly version: string; readonly env: string; readonly commit: string },
): void {
  registry
    .gauge({
      name: 'service_info',
      help: 'Always 1; the labels tell which build runs here.',
      labels: ['name', 'version', 'env', 'commit'],
    })
    .labels(service.name, service.version, service.env, service.commit)
    .set(1);
}
