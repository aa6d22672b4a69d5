import { Injectable } from '@nestjs/common';
import { MetricsRegistry } from '../metrics/index.js';
import type { PhaseName, PhaseSeries } from './phase.js';

/** From a middleware that looks at a header to one that asks a neighbour; in seconds. */
const BUCKETS = [0.000_005, 0.000_025, 0.0001, 0.0005, 0.0025, 0.01, 0.05, 0.25, 1];

/** What goes wrong outside of calls. */
export type LifePhase = 'load' | 'init' | 'destroy';

/** What operators see of the middlewares, by name. */
@Injectable()
export class MiddlewareMetrics {
  private readonly durations;
  private readonly errors;

  constructor(private readonly registry: MetricsRegistry) {
    this.durations = registry.histogram({
      name: 'middleware_duration_seconds',
      help: 'Time that middlewares took by phase: pre, recover, post, message_in and message_out.',
      labels: ['middleware', 'phase'],
      buckets: BUCKETS,
    });
    this.errors = registry.counter({
      name: 'middleware_errors_total',
      help: 'Phases of middlewares that broke, refusals of calls not among them; load, init and destroy too.',
      labels: ['middleware', 'phase'],
    });
  }

  /** The series of one phase; listed from the start, since a rate needs its 0. */
  readonly seriesOf = (middleware: string, phase: PhaseName): PhaseSeries => ({
    durations: this.durations.labels(middleware, phase),
    errors: this.errors.labels(middleware, phase),
  });

  failed(middleware: string, phase: LifePhase): void {
    this.errors.labels(middleware, phase).inc();
  }

  /** Adds what is read at the scrape. */
  watch(enabled: () => Iterable<readonly [string, boolean]>, refused: () => number): void {
    // A series stays: what is unloaded acts no more.
    const known = new Set<string>();
    this.registry.gauge({
      name: 'middleware_enabled',
      help: '1 for a middleware that acts on calls, 0 for one that is switched off or unloaded.',
      labels: ['middleware'],
      collect: (gauge) => {
        for (const name of known) gauge.labels(name).set(0);
        for (const [name, isEnabled] of enabled()) {
          known.add(name);
          gauge.labels(name).set(Number(isEnabled));
        }
      },
    });
    this.registry.gauge({
      name: 'middleware_plugins_refused',
      help: 'Plugins of the manifest that were refused; GET /middlewares says why.',
      collect: (gauge) => gauge.set(refused()),
    });
  }
}
