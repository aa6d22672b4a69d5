import { PRIORITIES } from '../context/index.js';
import type { MetricsRegistry } from '../metrics/index.js';
import type { LoadShedding } from './load-shedding.js';
import { DECISIONS, REASONS, TRANSPORTS } from './shed-counts.js';

/** What operators see; all of it is read at the scrape. */
export function addLoadSheddingMetrics(registry: MetricsRegistry, shedding: LoadShedding): void {
  addCounters(registry, shedding);
  addGauges(registry, shedding);
  registry.gauge({
    name: 'load_shedding_limit',
    help: 'Calls that may be under way under overload: best throughput × (lowest latency + LOAD_SHEDDING_DELAY_MS); +Inf while nothing is known.',
    collect: (gauge) => gauge.set(shedding.admission.limit),
  });
  registry.gauge({
    name: 'load_shedding_demand_ratio',
    help: 'What the calls ask of the event loop, as a share of what it can do: above 1 is overload.',
    collect: (gauge) => gauge.set(shedding.admission.demand.loop),
  });
  registry.gauge({
    name: 'load_shedding_cpu_ratio',
    help: 'CPU in use, as a share of the quota or else of all cores.',
    collect: (gauge) => gauge.set(shedding.cpu.ratio),
  });
}

function addCounters(registry: MetricsRegistry, { counts }: LoadShedding): void {
  registry.counter({
    name: 'load_shed_total',
    help: 'Calls that were refused at the edge because more came than could be done.',
    labels: ['transport', 'reason'],
    collect: (counter) => {
      for (const transport of TRANSPORTS)
        for (const reason of REASONS)
          counter.labels(transport, reason).value = counts.refusedFor(transport, reason);
    },
  });
  registry.counter({
    name: 'load_shedding_calls_total',
    help: 'Calls by class and by what load shedding decided; observed = refused if LOAD_SHEDDING were on.',
    labels: ['priority', 'decision'],
    collect: (counter) => {
      for (const [rank, priority] of PRIORITIES.entries())
        for (const decision of DECISIONS)
          counter.labels(priority, decision).value = counts.of(rank, decision);
    },
  });
}

function addGauges(registry: MetricsRegistry, shedding: LoadShedding): void {
  registry.gauge({
    name: 'load_shedding_active',
    help: '1 while calls are refused, or would be where LOAD_SHEDDING only observes.',
    collect: (gauge) => gauge.set(Number(shedding.admission.isShedding)),
  });
  registry.gauge({
    name: 'load_shedding_in_flight',
    help: 'Calls under way by class, those of the last ten seconds; no streams.',
    labels: ['priority'],
    acrossWorkers: 'sum',
    collect: (gauge) => {
      for (const [rank, priority] of PRIORITIES.entries())
        gauge.labels(priority).set(shedding.admission.inFlight.of(rank));
    },
  });
}
