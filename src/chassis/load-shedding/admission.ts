import { PRIORITIES } from '../context/index.js';
import { allowedWaitMs, PATIENCE, type AdmissionRule, type ShedReason } from './admission-rule.js';
import { ClassShares } from './class-shares.js';
import { Demand } from './demand.js';
import { InFlight } from './in-flight.js';
import { WorkEstimate } from './work-estimate.js';

const CLASSES = PRIORITIES.length;
/** What was counted is judged this often, in milliseconds. */
const WINDOW_MS = 100;
/**
 * A queue that did not run empty for so long is a standing one, in milliseconds; a shorter one is a burst, which
 * a queue is for. Source: RFC 8289 (CoDel), section 3.2, INTERVAL.
 */
const STANDING_MS = 100;
/** Fewer calls without a rest between them are no overload, however long they take: such as the first ones. */
const STANDING_CALLS = 10;
/** Shedding ends when the demand is below it. */
const END_DEMAND = 0.95;
/** Where the demand is just what can be done, a call may wait so many times as long … */
const MOST_PATIENCE = 4;
/** … and so much less for each unit of demand above that: at 1.25 it is once. */
const PATIENCE_SLOPE = 10;

/**
 * Decides which calls are admitted. Pure: its owner tells it the time, the turns of the event loop, the CPU and
 * the calls. docs/load-shedding.md has the formulas and why they are so.
 */
export class Admission {
  readonly estimate = new WorkEstimate();
  readonly demand = new Demand();
  readonly shares = new ClassShares(CLASSES);
  readonly #offered = new Float64Array(CLASSES);
  readonly #refused = new Float64Array(CLASSES);
  #ended = 0;
  #latencyMs = 0;
  #activeMs = 0;
  #windowBegin = 0;
  /** The event loop last had nothing to do. */
  #idleAt = 0;
  #busyTurns = 0;
  /** Calls that came since then. */
  #sinceIdle = 0;
  /** This turn of the event loop began. */
  #turnedAt = 0;
  /** What is seen first in this turn has waited so long on the average: it came at some time of the turn before. */
  #beforeMs = 0;
  /** Calls that this turn has admitted … */
  #admitted = 0;
  /** … and those of them that have not ended. */
  #pending = 0;
  #cpu = 0;
  #isShedding = false;
  #isAlert = false;
  #lastReason: ShedReason = 'event_loop';
  #limit = Infinity;
  #slack = MOST_PATIENCE;
  #costMs = 0;
  #worstWaitMs = 0;
  /** Longest time that a call of the last window had waited in its turn when it was seen, in milliseconds. */
  waitMs = 0;

  constructor(
    public rule: AdmissionRule,
    readonly inFlight = new InFlight(CLASSES),
  ) {}

  /** Calls are refused, or would be. */
  get isShedding(): boolean {
    return this.#isShedding;
  }

  /** Every turn of the event loop has to be told, not only one from time to time. */
  get isBusy(): boolean {
    return this.#isShedding || this.#busyTurns > 0;
  }

  /** Calls of the class `default` that may be under way while the service is saturated. */
  get limit(): number {
    return this.#limit;
  }

  /** A call comes in. @param queuedMs for its connection to be accepted @returns what it is refused for */
  judge(rank: number, nowMs: number, queuedMs = 0): ShedReason | undefined {
    this.#offered[rank] = (this.#offered[rank] ?? 0) + 1;
    this.#sinceIdle += 1;
    if (!this.#isAlert && this.#inTurnMs(nowMs) < STANDING_MS) return undefined;
    const reason = this.#reasonAgainst(rank, nowMs, queuedMs);
    if (reason === undefined) return undefined;
    this.#refused[rank] = (this.#refused[rank] ?? 0) + 1;
    this.#lastReason = reason;
    if (!this.#isShedding) this.#begin(reason);
    return reason;
  }

  /** An admitted call begins to count as one under way. */
  began(rank: number, nowMs: number): void {
    this.#admitted += 1;
    this.#pending += 1;
    this.inFlight.begin(rank, nowMs);
  }

  ended(rank: number, beganMs: number, durationMs: number): void {
    if (beganMs >= this.#turnedAt) this.#pending -= 1;
    if (!this.inFlight.end(rank, beganMs)) return;
    this.#ended += 1;
    this.#latencyMs += durationMs;
  }

  /** The event loop turns. @param activeMs since the last time @param idleMs of waiting since the last time */
  turned(nowMs: number, activeMs: number, idleMs: number): void {
    this.#beforeMs = idleMs > 0 ? 0 : (nowMs - this.#turnedAt) / 2;
    this.#turnedAt = nowMs;
    this.#admitted = 0;
    this.#pending = 0;
    this.#activeMs += activeMs;
    this.#busyTurns += 1;
    if (idleMs > 0) this.#rest(nowMs);
    if (nowMs - this.#windowBegin >= WINDOW_MS) this.#closeWindow(nowMs);
    this.#isAlert = this.#isShedding || this.#busyTurns > 0 || this.#isCpuSaturated();
  }

  /** @param usage share of the CPU that the process may use, 0 to 1 */
  measured(usage: number): void {
    this.#cpu = usage;
  }

  #reasonAgainst(rank: number, nowMs: number, queuedMs: number): ShedReason | undefined {
    const isLoopSaturated = this.#isLoopSaturated(nowMs);
    if (!isLoopSaturated && !this.#isCpuSaturated()) return undefined;
    if (this.#isShedding && !this.shares.admits(rank)) return this.#lastReason;
    const waitMs = this.#inTurnMs(nowMs) + this.#beforeTurnMs(rank, queuedMs);
    if (waitMs > this.#worstWaitMs) this.#worstWaitMs = waitMs;
    if (isLoopSaturated && waitMs > this.#allowedMs(rank)) return 'event_loop';
    if (this.inFlight.total < this.#limit * (PATIENCE[rank] ?? 1)) return undefined;
    return isLoopSaturated ? 'concurrency' : 'cpu';
  }

  /** A critical call may be late through a queue of connections: most of those before it are refused at once. */
  #beforeTurnMs(rank: number, queuedMs: number): number {
    return Math.max(rank === 0 ? 0 : queuedMs, this.#admitted === 0 ? this.#beforeMs : 0);
  }

  /** While a turn has admitted none a call may have waited for another one to be done: else the loop ran dry. */
  #allowedMs(rank: number): number {
    const allowedMs = allowedWaitMs(this.rule, rank) * this.#slack;
    return this.#admitted === 0 ? Math.max(allowedMs, this.#costMs) : allowedMs;
  }

  /** Before: a standing queue. Then, because refusing keeps the queue short: the demand. */
  #isLoopSaturated(nowMs: number): boolean {
    if (this.#isShedding) return this.demand.loop >= END_DEMAND;
    if (this.#sinceIdle < STANDING_CALLS) return false;
    if (this.#busyTurns > 0 && nowMs - this.#idleAt >= STANDING_MS) return true;
    // One long turn is no overload, unless it is calls that make it long.
    return this.#inTurnMs(nowMs) >= STANDING_MS && this.#admitted * this.#costMs >= STANDING_MS / 2;
  }

  /**
   * What is seen in this turn of the event loop has waited since it began at least; what this turn has admitted
   * and not done is before it.
   */
  #inTurnMs(nowMs: number): number {
    return nowMs - this.#turnedAt + this.#pending * this.#costMs;
  }

  #isCpuSaturated(): boolean {
    return this.#cpu * this.demand.excess >= this.rule.cpuRatio;
  }

  #rest(nowMs: number): void {
    this.#idleAt = nowMs;
    this.#busyTurns = 0;
    this.#sinceIdle = 0;
  }

  #begin(reason: ShedReason): void {
    this.#isShedding = true;
    if (reason !== 'cpu') this.demand.saturate();
  }

  #closeWindow(nowMs: number): void {
    const windowMs = nowMs - this.#windowBegin;
    const offered = this.#offered.reduce((sum, count) => sum + count, 0);
    const refused = this.#refused.reduce((sum, count) => sum + count, 0);
    this.demand.update(Math.min(1, this.#activeMs / windowMs), offered, refused);
    this.#slack = Math.max(1, MOST_PATIENCE - (this.demand.loop - END_DEMAND) * PATIENCE_SLOPE);
    this.shares.update(this.#offered, this.#refused);
    const isSaturated = this.#isShedding || this.#busyTurns > 0;
    this.estimate.update(windowMs, this.#activeMs, this.#ended, this.#latencyMs, isSaturated);
    this.#costMs = this.estimate.costMs;
    this.#limit = Math.max(this.rule.minInFlight, this.estimate.limit(this.rule.delayMs));
    this.inFlight.slideTo(nowMs);
    this.#isShedding &&= this.#isLoopSaturated(nowMs) || this.#isCpuSaturated();
    this.waitMs = this.#worstWaitMs;
    this.#forgetWindow(nowMs);
  }

  #forgetWindow(nowMs: number): void {
    this.#offered.fill(0);
    this.#refused.fill(0);
    this.#ended = 0;
    this.#latencyMs = 0;
    this.#activeMs = 0;
    this.#worstWaitMs = 0;
    this.#windowBegin = nowMs;
  }
}
