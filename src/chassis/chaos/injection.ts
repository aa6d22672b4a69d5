import { setTimeout as sleep } from 'node:timers/promises';
import {
  currentLimits,
  currentScope,
  type CallContext,
  type Cut,
  type Disturbance,
} from '../context/index.js';
import type { ActiveFault } from './active-fault.js';
import type { ChaosMetrics } from './chaos.metrics.js';
import { connectionRefused, connectionReset, faultInjected } from './chaos-errors.js';

/**
 * All faults that are done to one call, or to one piece of work of a dependency: delays add up, then the
 * first that fails decides.
 */
export class Injection implements Disturbance {
  readonly cut: Cut | undefined;

  constructor(
    private readonly faults: readonly ActiveFault[],
    /** `http`, `grpc`, or the name of the dependency. */
    private readonly target: string,
    private readonly call: CallContext,
    private readonly metrics: ChaosMetrics,
  ) {
    this.cut = this.#cutOf();
  }

  begin(): Promise<void> | undefined {
    return this.faults.every(({ kind }) => kind === 'cut') ? undefined : this.#begin();
  }

  async #begin(): Promise<void> {
    const slow = this.faults.filter(({ kind }) => kind === 'latency');
    for (const fault of slow) this.#note(fault);
    if (slow.length > 0) await this.#wait(slow.reduce((sum, fault) => sum + fault.delayMs(), 0));
    for (const active of this.faults) {
      const { fault } = active;
      if (fault.kind !== 'abort' && fault.kind !== 'unavailable') continue;
      this.#note(active);
      throw fault.kind === 'abort' ? faultInjected(fault.id, fault.code) : connectionRefused(fault.id);
    }
  }

  /** No longer than the attempt, or the call, that waits. */
  async #wait(ms: number): Promise<void> {
    const limits = currentLimits() ?? this.call;
    try {
      await sleep(ms, undefined, { signal: limits.signal });
    } catch (error) {
      throw limits.abortReason ?? error;
    }
  }

  #cutOf(): Cut | undefined {
    const active = this.faults.find(({ kind }) => kind === 'cut');
    if (active?.fault.kind !== 'cut') return undefined;
    const { id, afterMessages, afterMs } = active.fault;
    const isOfCall = this.target === this.call.transport;
    return {
      afterMessages: afterMessages ?? (afterMs === undefined ? 0 : Infinity),
      afterMs,
      apply: () => {
        this.#note(active);
        return isOfCall ? faultInjected(id, 'UNAVAILABLE') : connectionReset(id);
      },
    };
  }

  #note({ id, kind }: ActiveFault): void {
    const { call, target } = this;
    this.metrics.injected(kind, target);
    const span = currentScope()?.span ?? call.span;
    span?.addEvent('chaos.fault', {
      'chaos.fault.id': id,
      'chaos.fault.kind': kind,
      'chaos.fault.target': target,
    });
    if (call.chaos === undefined) call.chaos = id;
    else if (!call.chaos.split(',').includes(id)) call.chaos += `,${id}`;
  }
}
