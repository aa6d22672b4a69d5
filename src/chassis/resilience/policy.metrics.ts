import { Injectable } from '@nestjs/common';
import { MetricsRegistry, type Counter, type CounterSeries } from '../metrics/index.js';
import type { BreakerState } from './state-breaker.js';
import type { ManagedPolicy } from './managed-policy.js';
import type { Outcome } from './policy.js';
import { PolicyRegistry } from './policy-registry.js';
import type { GaveUp } from './retry.js';

const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** What operators see of the policies. */
@Injectable()
export class PolicyMetrics {
  readonly transitions: Counter<['name', 'from', 'to']>;
  readonly calls: Counter<['name', 'outcome']>;
  readonly retries: Counter<['name', 'outcome']>;
  readonly fallbacks: Counter<['name', 'step', 'reason']>;
  readonly failedSteps: Counter<['name', 'step']>;
  readonly full: Counter<['name']>;

  constructor(registry: MetricsRegistry, policies: PolicyRegistry) {
    this.transitions = registry.counter({
      name: 'circuit_breaker_transitions_total',
      help: 'Changes of state of circuit breakers, those by an operator included.',
      labels: ['name', 'from', 'to'],
    });
    this.calls = registry.counter({
      name: 'circuit_breaker_calls_total',
      help: 'Calls under a circuit breaker by how they ended: success, failure, refused by the breaker, full where no other limit let them, cancelled, ignored.',
      labels: ['name', 'outcome'],
    });
    this.retries = registry.counter({
      name: 'retry_attempts_total',
      help: 'Further attempts that were made (made), and those that were not although the failure was retryable or the answer late: attempts, budget or deadline used up.',
      labels: ['name', 'outcome'],
    });
    this.fallbacks = registry.counter({
      name: 'fallback_total',
      help: 'Calls that a step of a fallback answered, by the reason of the failure.',
      labels: ['name', 'step', 'reason'],
    });
    this.failedSteps = registry.counter({
      name: 'fallback_errors_total',
      help: 'Steps of a fallback that failed or took too long.',
      labels: ['name', 'step'],
    });
    this.full = registry.counter({
      name: 'bulkhead_refused_total',
      help: 'Calls that found no place in a bulkhead.',
      labels: ['name'],
    });
    watch(registry, policies);
    policies.countWith((name) => new PolicyCounts(this, name));
  }
}

/** What is read at the scrape. */
function watch(registry: MetricsRegistry, policies: PolicyRegistry): void {
  watchEach(registry, policies, ({ breaker }) => breaker && STATES[breaker.state], {
    name: 'circuit_breaker_state',
    help: 'State of a circuit breaker: 0 closed, 1 half-open, 2 open.',
  });
  watchEach(registry, policies, ({ policy }) => policy.parts.bulkhead?.running, {
    name: 'bulkhead_active',
    help: 'Calls that have a place in a bulkhead.',
    acrossWorkers: 'sum',
  });
  watchEach(registry, policies, ({ policy }) => policy.parts.bulkhead?.queued, {
    name: 'bulkhead_queued',
    help: 'Calls that wait for a place in a bulkhead.',
    acrossWorkers: 'sum',
  });
}

/** A series for each policy that has a value; 0 for one that was taken away. */
function watchEach(
  registry: MetricsRegistry,
  policies: PolicyRegistry,
  valueOf: (managed: ManagedPolicy) => number | undefined,
  definition: { readonly name: string; readonly help: string; readonly acrossWorkers?: 'sum' },
): void {
  const seen = new Set<string>();
  registry.gauge({
    ...definition,
    labels: ['name'],
    collect: (gauge) => {
      for (const name of seen) gauge.labels(name).set(0);
      for (const managed of policies.policies) {
        const value = valueOf(managed);
        if (value === undefined) continue;
        gauge.labels(managed.name).set(value);
        seen.add(managed.name);
      }
    },
  });
}

/** The arrows of the diagram in docs/resilience.md, but for an operator's. */
const TRANSITIONS: readonly (readonly [BreakerState, BreakerState])[] = [
  ['closed', 'open'],
  ['open', 'half-open'],
  ['half-open', 'open'],
  ['half-open', 'closed'],
];

/** The counts of one policy; a series is made when it is first needed. */
export class PolicyCounts {
  #success: CounterSeries | undefined;

  constructor(
    private readonly metrics: PolicyMetrics,
    private readonly name: string,
  ) {}

  /** Its transitions count from 0, so that the first one is seen as an increase. */
  breakerBegins(): void {
    for (const [from, to] of TRANSITIONS) this.metrics.transitions.labels(this.name, from, to);
  }

  ended(outcome: Outcome): void {
    // The usual end is not looked up.
    if (outcome === 'success') (this.#success ??= this.metrics.calls.labels(this.name, outcome)).inc();
    else this.metrics.calls.labels(this.name, outcome).inc();
  }

  full(): void {
    this.metrics.full.labels(this.name).inc();
  }

  retried(gaveUp: GaveUp | undefined): void {
    this.metrics.retries.labels(this.name, gaveUp ?? 'made').inc();
  }

  fellBack(step: string, reason: string): void {
    this.metrics.fallbacks.labels(this.name, step, reason).inc();
  }

  stepFailed(step: string): void {
    this.metrics.failedSteps.labels(this.name, step).inc();
  }

  changed(from: BreakerState, to: BreakerState): void {
    this.metrics.transitions.labels(this.name, from, to).inc();
  }
}
