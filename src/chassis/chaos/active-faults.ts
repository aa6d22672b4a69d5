import { Logger } from '@nestjs/common';
import { MAX_TIMER_MS } from '../context/index.js';
import { ActiveFault, type FaultSource, type NamedFault } from './active-fault.js';
import type { Injector } from './injector.js';

const logger = new Logger('Chaos');

/** Why a fault ended. */
export type FaultEnd = 'expired' | 'ended by the operator' | 'configuration changed' | 'not allowed any more';

/** The faults that are active, by id. Each ends in its time. */
export class ActiveFaults implements Iterable<ActiveFault> {
  readonly #faults = new Map<string, ActiveFault>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly injector: Injector) {}

  get size(): number {
    return this.#faults.size;
  }

  find(id: string): ActiveFault | undefined {
    return this.#faults.get(id);
  }

  /** In the order in which they began. */
  [Symbol.iterator](): Iterator<ActiveFault> {
    return [...this.#faults.values()][Symbol.iterator]();
  }

  /** Begins a fault, in place of one with the same id; one whose time is over does not begin. */
  begin(fault: NamedFault, source: FaultSource): ActiveFault {
    const active = new ActiveFault(fault, source, endOf(fault));
    const before = this.#faults.get(fault.id);
    if (before) this.end(before, 'configuration changed');
    if (active.endsAt <= Date.now()) return active;
    this.#faults.set(active.id, active);
    this.#endInTime(active);
    this.injector.inject([...this]);
    logger.warn({ fault, source, until: active.until }, 'fault injection began');
    return active;
  }

  end(active: ActiveFault, cause: FaultEnd): void {
    this.#faults.delete(active.id);
    clearTimeout(this.#timers.get(active.id));
    this.#timers.delete(active.id);
    this.injector.inject([...this]);
    logger.warn({ fault: active.fault, source: active.source, cause }, 'fault injection ended');
  }

  /** The service ends, and they with it. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #endInTime(active: ActiveFault): void {
    if (active.endsAt === Infinity) return;
    const check = () => (active.endsAt <= Date.now() ? this.end(active, 'expired') : this.#endInTime(active));
    const waitMs = Math.min(Math.max(0, active.endsAt - Date.now()), MAX_TIMER_MS);
    this.#timers.set(active.id, setTimeout(check, waitMs).unref());
  }
}

/** Epoch milliseconds. */
function endOf({ until, durationMs }: NamedFault): number {
  if (until !== undefined) return Date.parse(until);
  return durationMs === undefined ? Infinity : Date.now() + durationMs;
}
