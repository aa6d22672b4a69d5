import type { ExecutionContext } from '@nestjs/common';
import { performance } from 'node:perf_hooks';
import type { CallContext } from '../context/index.js';
import { describeLeft } from './headers.js';
import type { Lease } from './lease.js';
import { Leases } from './leases.js';
import type { Policy } from './policy.js';
import { Refusal } from './refusal.js';
import type { Rule } from './rule.js';
import type { Rate } from './token-bucket.js';
import type { StoreName, TokenSource } from './token-source.js';

/** What a call wants of one policy. */
class Demand {
  constructor(
    readonly policy: Policy,
    readonly key: string,
    readonly cost: number,
  ) {}
}

export interface RateLimiterOptions {
  /** Told of the time that a call has waited for the shared store, in milliseconds. */
  readonly onWait: (ms: number) => void;
  /** None: the buckets of this process are all there are. */
  readonly source?: TokenSource | undefined;
  /** See RATE_LIMIT_LEASE_RATIO. */
  readonly leaseRatio: number;
}

/** `undefined`: the call may go on. A promise only where the shared store has to be asked. */
export type Decision = Refusal | undefined | Promise<Refusal | undefined>;

/**
 * Decides whether a call may go on: all its policies have to allow it, and only then each of them loses tokens.
 * While the shared store is away, the buckets of this process decide.
 */
export class RateLimiter {
  readonly #leases: Leases | undefined;

  constructor(private readonly options: RateLimiterOptions) {
    const { source, leaseRatio } = options;
    this.#leases = source && new Leases(source, leaseRatio);
  }

  /** The store that decides at the moment. */
  get store(): StoreName {
    const { source } = this.options;
    if (!source) return 'memory';
    return source.isUp ? source.name : 'fallback';
  }

  /** @throws what a key or cost function of the handler throws */
  decide(rules: readonly Rule[], call: CallContext, context: ExecutionContext): Decision {
    const [first] = rules;
    if (!this.options.source && rules.length === 1 && first) return this.#decideOne(first, call, context);
    const demands: Demand[] = [];
    for (const rule of rules) {
      const key = rule.keyOf(call, context);
      if (key !== undefined) demands.push(new Demand(rule.policy, key, rule.costOf(call, context)));
    }
    return this.#decide(demands);
  }

  /** What is left of each policy, as the `RateLimit` header says it; of a shared store, as far as this instance knows. */
  describeLeft(rules: readonly Rule[], call: CallContext, context: ExecutionContext): string {
    const now = performance.now();
    const isShared = this.options.source?.isUp === true;
    const members: string[] = [];
    for (const rule of rules) {
      const { policy } = rule;
      const key = rule.keyOf(call, context);
      if (key === undefined) continue;
      const lease = policy.leases.find(key, now);
      const left = isShared
        ? lease.left + lease.tokens
        : policy.buckets.find(key, now).free(policy.local, now);
      members.push(describeLeft(policy, left, policy.intervalMs));
    }
    return members.join(', ');
  }

  /** Gives back what was taken from the shared store and is not used. */
  async close(policies: Iterable<Policy>): Promise<void> {
    if (this.options.source?.isUp === true) await this.#leases?.giveBack(policies);
  }

  /** The usual case, without anything to allocate. */
  #decideOne(rule: Rule, call: CallContext, context: ExecutionContext): Refusal | undefined {
    const key = rule.keyOf(call, context);
    if (key === undefined) return undefined;
    const cost = rule.costOf(call, context);
    const { policy } = rule;
    const rate = policy.local;
    const now = performance.now();
    const bucket = policy.buckets.find(key, now);
    const spent = affordable(cost, rate);
    const waitMs = cost > policy.quota.burst ? Infinity : bucket.waitMs(rate, spent, now);
    if (waitMs > 0) return this.#refuse(policy, 'memory', waitMs);
    bucket.take(rate, spent, now);
    policy.counts.allowed('memory');
    return undefined;
  }

  #decide(demands: readonly Demand[]): Decision {
    const { source } = this.options;
    if (!source?.isUp || !this.#leases) return this.#decideLocally(demands);
    const decided = this.#decideByLeases(demands, this.#leases, source, performance.now());
    if (decided !== 'ask') return decided;
    return this.#ask(demands, this.#leases, source);
  }

  #decideLocally(demands: readonly Demand[]): Refusal | undefined {
    const { store } = this;
    const now = performance.now();
    for (const demand of demands) {
      const waitMs = this.#localWaitMs(demand, now);
      if (waitMs > 0) return this.#refuse(demand.policy, store, waitMs);
    }
    for (const { policy, key, cost } of demands) {
      policy.buckets.find(key, now).take(policy.local, affordable(cost, policy.local), now);
      policy.counts.allowed(store);
    }
    return undefined;
  }

  /** `ask` when the leases do not tell. */
  #decideByLeases(
    demands: readonly Demand[],
    leases: Leases,
    source: TokenSource,
    now: number,
  ): Refusal | undefined | 'ask' {
    let mustAsk = false;
    for (const { policy, key, cost } of demands) {
      const lease = policy.leases.find(key, now);
      if (lease.has(cost, now)) continue;
      const waitMs = cost > policy.quota.burst ? Infinity : lease.knownWaitMs(cost, now);
      if (waitMs > 0) {
        lease.demand += cost;
        return this.#refuse(policy, source.name, waitMs);
      }
      mustAsk = true;
    }
    if (mustAsk) return 'ask';
    for (const { policy, key, cost } of demands) {
      leases.spend(policy, key, policy.leases.find(key, now), cost, now);
      policy.counts.allowed(source.name);
    }
    return undefined;
  }

  /** Asks the store until the leases tell; when it takes too long or fails, the own buckets decide. */
  async #ask(demands: readonly Demand[], leases: Leases, source: TokenSource): Promise<Refusal | undefined> {
    const begin = performance.now();
    const wanted = demands.map(({ policy, key, cost }) => ({ lease: policy.leases.find(key, begin), cost }));
    for (const { lease, cost } of wanted) lease.waiting += cost;
    try {
      for (let now = begin; now - begin < source.limitMs && source.isUp; now = performance.now()) {
        await this.#fillAll(demands, leases, now, source.limitMs - (now - begin));
        const decided = this.#decideByLeases(demands, leases, source, performance.now());
        if (decided !== 'ask') return decided;
      }
    } catch {
      // The store has its own breaker, log and metrics; a call never fails because of it.
    } finally {
      for (const { lease, cost } of wanted) lease.waiting -= cost;
      this.options.onWait(performance.now() - begin);
    }
    return this.#decideLocally(demands);
  }

  async #fillAll(demands: readonly Demand[], leases: Leases, now: number, limitMs: number): Promise<void> {
    const questions: Promise<void>[] = [];
    for (const { policy, key, cost } of demands) {
      const lease: Lease = policy.leases.find(key, now);
      if (!lease.has(cost, now)) questions.push(leases.fill(policy, key, lease, cost, now));
    }
    await withinLimit(Promise.all(questions), limitMs);
  }

  /** Milliseconds until the buckets of this process have what is wanted. */
  #localWaitMs({ policy, key, cost }: Demand, now: number): number {
    if (cost > policy.quota.burst) return Infinity;
    return policy.buckets.find(key, now).waitMs(policy.local, affordable(cost, policy.local), now);
  }

  #refuse(policy: Policy, store: StoreName, waitMs: number): Refusal {
    policy.counts.refused(store);
    return new Refusal(policy, waitMs);
  }
}

/** A share of a bucket may hold less than a call costs that all of it could pay. */
function affordable(cost: number, { intervalMs, capacityMs }: Rate): number {
  return Math.min(cost, capacityMs / intervalMs);
}

function withinLimit(work: Promise<unknown>, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(resolve, limitMs);
    work.then(() => resolve(), reject).finally(() => clearTimeout(limit));
  });
}
