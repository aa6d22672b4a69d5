import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { findCpuQuota, type CpuQuota } from './cpu-quota.js';

/** Weight of the newest sample: a peak of a second counts, one of a moment does not. */
const WEIGHT = 0.3;

/** How much of the CPU that it may use the process uses; with a quota, all processes that share it. */
export class CpuUsage {
  /** Where the figures come from. */
  readonly source: CpuQuota['source'] | 'process';
  /** Cores that may be used: the quota, or all. */
  readonly cores: number;
  readonly #usedMs: () => number;
  #lastMs = 0;
  #sampledAt = 0;
  #ratio = 0;

  /** @param root where `/proc` and `/sys` are */
  constructor(root = '/') {
    const quota = findCpuQuota(root);
    this.source = quota?.source ?? 'process';
    this.cores = quota?.cores ?? availableParallelism();
    this.#usedMs = quota?.usedMs ?? processMs;
  }

  /** Smoothed, 0 to 1. */
  get ratio(): number {
    return this.#ratio;
  }

  /** Takes a sample. Not before some time after the last one. */
  sample(nowMs = performance.now()): number {
    const usedMs = this.#usedMs();
    // The file could not be read just now: not a number would stay in the average for ever.
    if (!Number.isFinite(usedMs)) return this.#ratio;
    if (this.#sampledAt > 0 && nowMs > this.#sampledAt) {
      const share = (usedMs - this.#lastMs) / ((nowMs - this.#sampledAt) * this.cores);
      this.#ratio += WEIGHT * (Math.min(1, Math.max(0, share)) - this.#ratio);
    }
    this.#lastMs = usedMs;
    this.#sampledAt = nowMs;
    return this.#ratio;
  }
}

function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
