import { performance } from 'node:perf_hooks';

/** Looked at more often, the share would be that of too short a time. */
const MIN_SPAN_MS = 1000;

/** How busy the event loop is. Nothing is measured until somebody asks. */
export class LoadMeter {
  #mark = performance.eventLoopUtilization();
  #markedAt = performance.now();

  /** The share of the time since a mark, which is a second old or more, in which the loop was busy: 0 to 1. */
  read(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#mark);
    const nowMs = performance.now();
    if (nowMs - this.#markedAt >= MIN_SPAN_MS) {
      this.#mark = now;
      this.#markedAt = nowMs;
    }
    return utilization;
  }
}
