import { Injectable } from '@nestjs/common';
import type { Counter, CounterSeries, HistogramSeries } from '../metrics/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import type { Policy } from './policy.js';
import type { StoreName } from './token-source.js';

const STORES: readonly StoreName[] = ['memory', 'redis', 'fallback'];
/** A store on the same network answers in less than a millisecond; the last one is the usual time limit. */
const WAIT_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

type Decisions = Counter<['policy', 'decision', 'store']>;

/** The decisions of one policy; a series is made when it is first needed and kept. */
export class PolicyCounts {
  readonly #allowed = new Map<StoreName, CounterSeries>();
  readonly #refused = new Map<StoreName, CounterSeries>();

  constructor(
    private readonly decisions: Decisions,
    private readonly policy: string,
  ) {}

  allowed(store: StoreName): void {
    (this.#allowed.get(store) ?? this.#add(this.#allowed, 'allowed', store)).inc();
  }

  refused(store: StoreName): void {
    (this.#refused.get(store) ?? this.#add(this.#refused, 'refused', store)).inc();
  }

  #add(to: Map<StoreName, CounterSeries>, decision: string, store: StoreName): CounterSeries {
    const series = this.decisions.labels(this.policy, decision, store);
    to.set(store, series);
    return series;
  }
}

/** What operators see of the limits. */
@Injectable()
export class RateLimitMetrics {
  readonly #decisions: Decisions;
  readonly #wait: HistogramSeries;

  constructor(private readonly registry: MetricsRegistry) {
    this.#decisions = registry.counter({
      name: 'rate_limit_decisions_total',
      help: 'Decisions of rate limits by policy and by the store that decided; a refused call counts for the policy that refused it.',
      labels: ['policy', 'decision', 'store'],
    });
    this.#wait = registry
      .histogram({
        name: 'rate_limit_wait_seconds',
        help: 'Time of the calls whose rate limit had to ask the shared store; the others waited for nothing.',
        buckets: WAIT_BUCKETS_SECONDS,
      })
      .labels();
  }

  countsOf(policy: string): PolicyCounts {
    return new PolicyCounts(this.#decisions, policy);
  }

  waited(ms: number): void {
    this.#wait.observe(ms / 1000);
  }

  /** Adds what is read at the scrape. */
  watch(policies: () => Iterable<Policy>, store: () => StoreName): void {
    this.registry.gauge({
      name: 'rate_limit_buckets',
      help: 'Keys that rate limits remember, by policy.',
      labels: ['policy'],
      acrossWorkers: 'sum',
      collect: (gauge) => {
        for (const policy of policies()) gauge.labels(policy.name).set(policy.size);
      },
    });
    this.registry.counter({
      name: 'rate_limit_evictions_total',
      help: 'Keys that were forgotten before their bucket was full, because there were RATE_LIMIT_MAX_BUCKETS of them.',
      labels: ['policy'],
      collect: (counter) => {
        for (const policy of policies()) counter.labels(policy.name).value = policy.evictions;
      },
    });
    this.registry.gauge({
      name: 'rate_limit_store',
      help: '1 for the store that decides at the moment: memory, redis, or fallback while the shared one is away.',
      labels: ['store'],
      collect: (gauge) => {
        for (const name of STORES) gauge.labels(name).set(Number(name === store()));
      },
    });
  }
}
