import type { IncomingHttpHeaders } from 'node:http';
import {
  UNKNOWN_ROUTE,
  type Call,
  type CallContext,
  type Disturbance,
  type Interference,
} from '../context/index.js';
import type { ActiveFault } from './active-fault.js';
import type { ChaosMetrics } from './chaos.metrics.js';
import { Injection } from './injection.js';

/** Picks the faults of a call and of work of a dependency; stands in nobody's way while there are none. */
export class Injector {
  #ofCalls: readonly ActiveFault[] = [];
  #ofDependencies: readonly ActiveFault[] = [];
  /** Of calls under way, while a fault of a dependency asks for a header. */
  #headers: WeakMap<CallContext, IncomingHttpHeaders> | undefined;

  constructor(
    private readonly interference: Interference,
    private readonly metrics: ChaosMetrics,
  ) {}

  /** From now on these faults are injected, and no other. */
  inject(faults: readonly ActiveFault[]): void {
    this.#ofDependencies = faults.filter(({ isOfDependencies }) => isOfDependencies);
    this.#ofCalls = faults.filter(({ isOfDependencies }) => !isOfDependencies);
    const asksForHeaders = this.#ofDependencies.some(({ fault }) => fault.header !== undefined);
    this.#headers = asksForHeaders ? (this.#headers ?? new WeakMap()) : undefined;
    const isOfCalls = this.#ofCalls.length > 0 || asksForHeaders;
    this.interference.ofCall = isOfCalls ? this.#ofCall : undefined;
    this.interference.ofDependency = this.#ofDependencies.length > 0 ? this.#ofDependency : undefined;
  }

  readonly #ofCall = (call: Call, headers: IncomingHttpHeaders): Disturbance | undefined => {
    if (call.transport === 'http' && call.route === UNKNOWN_ROUTE) return undefined;
    this.#headers?.set(call, headers);
    const hits = this.#ofCalls.filter((fault) => fault.hitsCall(call, headers));
    return hits.length > 0 ? new Injection(hits, call.transport, call, this.metrics) : undefined;
  };

  readonly #ofDependency = (name: string, call: CallContext): Disturbance | undefined => {
    const headers = this.#headers?.get(call);
    const hits = this.#ofDependencies.filter((fault) => fault.hitsDependency(name, call, headers));
    return hits.length > 0 ? new Injection(hits, name, call, this.metrics) : undefined;
  };
}
