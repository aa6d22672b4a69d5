import { performance } from 'node:perf_hooks';
import { BoundedTable } from './bounded-table.js';
import { Lease } from './lease.js';
import { describePolicy } from './headers.js';
import type { PolicyCounts } from './rate-limit.metrics.js';
import { TokenBucket, type Rate } from './token-bucket.js';

/** How much a policy allows. */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
}

export function isSameQuota(one: Quota, other: Quota): boolean {
  return one.limit === other.limit && one.windowMs === other.windowMs && one.burst === other.burst;
}

/** A limit by its name, with the buckets of all who share it. What it allows may change at run time. */
export class Policy implements Rate {
  /** In-process buckets, and what takes the shared store's place while that is away. */
  readonly buckets: BoundedTable<TokenBucket>;
  /** What was taken from the shared store and not used yet. */
  readonly leases: BoundedTable<Lease>;
  intervalMs = 0;
  capacityMs = 0;
  /** What this process grants while nobody knows what the others do: its share. */
  local: Rate = { intervalMs: 0, capacityMs: 0 };
  /** Its member of the `RateLimit-Policy` header. */
  header = '';
  /** What sleeps until there are tokens, by what wakes it. */
  readonly sleepers = new Set<() => void>();
  #configured: Quota;
  #quota: Quota;

  constructor(
    readonly name: string,
    configured: Quota,
    maxBuckets: number,
    readonly counts: PolicyCounts,
    /** Processes among which the limit is divided where none knows of the others. */
    private readonly processes: number,
  ) {
    this.buckets = new BoundedTable(maxBuckets, () => new TokenBucket());
    this.leases = new BoundedTable(maxBuckets, () => new Lease());
    this.#configured = configured;
    this.#quota = configured;
    this.change(configured);
  }

  /** What code or configuration says, whatever an operator has changed. */
  get configured(): Quota {
    return this.#configured;
  }

  get quota(): Quota {
    return this.#quota;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.buckets.size + this.leases.size;
  }

  get evictions(): number {
    return this.buckets.evictions + this.leases.evictions;
  }

  /** The configuration says something new, which holds; the same again leaves an operator's change as it is. */
  configure(quota: Quota): void {
    if (isSameQuota(quota, this.#configured)) return;
    this.#configured = quota;
    this.change(quota);
  }

  /** From now on it allows this much; the part of each bucket that was taken stays taken. */
  change(quota: Quota): void {
    const formerMs = this.local.capacityMs;
    this.#quota = quota;
    this.intervalMs = quota.windowMs / quota.limit;
    this.capacityMs = quota.burst * this.intervalMs;
    const intervalMs = this.intervalMs * this.processes;
    this.local = { intervalMs, capacityMs: Math.max(this.capacityMs, intervalMs) };
    this.header = describePolicy(this.name, quota);
    this.#carryOver(this.local.capacityMs / formerMs);
    this.wakeAll();
  }

  /** There may be tokens earlier than was known. */
  wakeAll(): void {
    for (const wake of this.sleepers) wake();
  }

  /** Largest share that is taken from a shared store beyond what the call needs. */
  maxLease(ratio: number): number {
    const { limit, burst } = this.#quota;
    return Math.floor(Math.min(limit * ratio, burst / 2));
  }

  /** Buckets hold times, whose worth in tokens has changed; the shared store converts its own. */
  #carryOver(factor: number): void {
    const now = performance.now();
    for (const [, bucket] of this.buckets.entries()) bucket.scale(factor, now);
    for (const [, lease] of this.leases.entries()) lease.forgetWait();
  }
}
