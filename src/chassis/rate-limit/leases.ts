import { performance } from 'node:perf_hooks';
import type { Lease } from './lease.js';
import type { Policy } from './policy.js';
import type { TokenSource } from './token-source.js';

/** A lease is for the calls that are expected within this time, in milliseconds. */
const HORIZON_MS = 50;
/** Tokens that nobody used for so long are forgotten, in milliseconds. */
const LEASE_MS = 500;
/** An instance that got less than it wanted asks again after this time at the latest, in milliseconds. */
const PATIENCE_MS = 25;

/**
 * Fills leases from a shared store: with what calls wait for, and with a little more where many come, so that
 * the next ones need not ask. A lease is asked for before the one in use is spent. What is taken is taken from
 * all, so that the sum over all instances never exceeds the bucket.
 */
export class Leases {
  constructor(
    private readonly source: TokenSource,
    private readonly ratio: number,
  ) {}

  /** Spends tokens that the lease has. */
  spend(policy: Policy, key: string, lease: Lease, cost: number, nowMs: number): void {
    lease.tokens -= cost;
    lease.demand += cost;
    const isLow = lease.granted > 1 && lease.tokens < lease.granted / 2;
    if (!isLow || lease.refill || lease.knownWaitMs(1, nowMs) > 0) return;
    // A store that fails has its breaker; the call has what it needs.
    this.fill(policy, key, lease, 1, nowMs).catch(() => undefined);
  }

  /** Asks for what calls wait for; joins the question that is under way. @throws when the store fails */
  fill(policy: Policy, key: string, lease: Lease, cost: number, nowMs: number): Promise<void> {
    if (lease.refill) return lease.refill;
    const size = this.#sizeOf(policy, lease, nowMs);
    lease.askedAt = nowMs;
    lease.demand = 0;
    const burst = Math.max(cost, policy.quota.burst);
    const wanted = Math.min(burst, Math.max(cost, lease.waiting) + size);
    lease.refill = this.#ask(policy, key, lease, cost, wanted).finally(() => (lease.refill = undefined));
    return lease.refill;
  }

  /** Gives back what no call will use any more. */
  async giveBack(policies: Iterable<Policy>): Promise<void> {
    const returns: Promise<void>[] = [];
    for (const policy of policies) {
      for (const [key, lease] of policy.leases.entries()) {
        if (lease.tokens <= 0) continue;
        returns.push(this.source.giveBack(policy.name, key, policy, lease.tokens));
        lease.tokens = 0;
      }
    }
    // Tokens that do not come back are there again with time.
    await Promise.allSettled(returns);
  }

  /** Tokens beyond what is needed now: those of the time to come, as far as the last calls tell. */
  #sizeOf(policy: Policy, { demand, askedAt }: Lease, nowMs: number): number {
    const elapsedMs = Math.max(1, nowMs - askedAt);
    return Math.min(policy.maxLease(this.ratio), Math.floor((demand / elapsedMs) * HORIZON_MS));
  }

  async #ask(policy: Policy, key: string, lease: Lease, needed: number, wanted: number): Promise<void> {
    const { quota } = policy;
    const grant = await this.source.take(policy.name, key, policy, needed, wanted);
    const now = performance.now();
    if (now >= lease.expiresAt) lease.tokens = 0;
    lease.tokens += grant.granted;
    lease.granted = grant.granted;
    lease.left = grant.left;
    lease.expiresAt = now + LEASE_MS;
    // What was asked before a change of the quota says nothing of when there are tokens after it.
    if (grant.granted >= wanted || policy.quota !== quota) return;
    lease.emptyCost = grant.granted > 0 ? 1 : needed;
    const untilNextMs = grant.waitMs - (wanted - lease.emptyCost) * policy.intervalMs;
    lease.emptyUntil = now + Math.max(untilNextMs, Math.min(grant.waitMs, PATIENCE_MS));
  }
}
