import { performance } from 'node:perf_hooks';

/** Looked at over less, the share would be that of too short a time. */
const MIN_SPAN_MS = 1000;

/** How busy the event loop is. Nothing is measured until somebody asks. */
export class LoadMeter {
  /** The mark that is looked back to … */
  #mark = performance.eventLoopUtilization();
  /** … and the one that follows it, once it is old enough itself. */
  #next = this.#mark;
  #nextAt = performance.now();

  /** The share of the time since a mark, which is a second old or more, in which the loop was busy: 0 to 1. */
  read(): number {
    const now = performance.eventLoopUtilization();
    const nowMs = performance.now();
    if (nowMs - this.#nextAt >= MIN_SPAN_MS) {
      this.#mark = this.#next;
      this.#next = now;
      this.#nextAt = nowMs;
    }
    return performance.eventLoopUtilization(now, this.#mark).utilization;
  }
}
